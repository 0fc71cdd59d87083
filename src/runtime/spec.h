// BuildContainerSpec and BuildSandboxSpec: from CRI messages to config.json of the OCI runtime (runtime-spec 1.0.2).
// Pure functions: no clock, no file, no global. What depends on the host or on the root file system is looked up before
// and handed in.
//
// This header is the top of the spec builder: spec_process.h, spec_mounts.h, spec_namespaces.h, spec_paths.h,
// spec_resources.h and spec_devices.h build the parts and do not include it.
//
// Errors: InvalidArgument naming the CRI field for what makes no sense or cannot be granted here; Internal for a
// context that does not fit the pod, which is a bug of the caller. Every field of the API is honoured or refused,
// except what CRI says a privileged container ignores: seccomp, AppArmor, SELinux, capabilities, masked and read-only
// paths. Fields that this build's api.proto does not know never get here (unknown_fields.h).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "base/image_config.h"
#include "runtime/pod_namespaces.h"
#include "runtime/spec_context.h"
#include "runtime/user.h"

namespace crisp {

// The spec of the pod's pause container. It gets new ipc and uts namespaces unless the pod uses the host's ipc or
// network (uts follows the network). It always gets its own pid namespace: with pid mode NODE there is none to share,
// and killing the first process of a pid namespace reliably ends all processes in it.
// The image's USER must be numeric: a name would have to be looked up in the root file system.
absl::StatusOr<std::string> BuildSandboxSpec(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                             const ImageConfig& image, const std::string& netns_path);

// The host paths of `container`'s mounts are used as they are: the caller has resolved links, created missing
// directories, mounted images (host_path says where), and checked that the host's mounts propagate as asked.
absl::StatusOr<std::string> BuildContainerSpec(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                               const cri::ContainerConfig& container, const ImageConfig& image,
                                               const PodNamespaces& namespaces, const ResolvedUser& user);

// The labels that the spec of `container` has: what it asks for, else what its pod does, else the node's defaults.
SelinuxLabels ContainerLabels(const SpecContext& context, const cri::PodSandboxConfig& pod,
                              const cri::ContainerConfig& container);

}  // namespace crisp
