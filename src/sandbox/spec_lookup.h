// What the host knows and a container's spec needs, one step each. They fill in the fields of SpecContext that are
// marked (sandbox). Errors: InvalidArgument naming the field for what is not there; Internal for the machine's own
// faults.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "base/call_context.h"
#include "runtime/spec_context.h"
#include "runtime/user.h"
#include "sandbox/security_options.h"

namespace crisp {

// The text of a seccomp profile that is asked for by its path; that an AppArmor profile asked for by name is loaded.
absl::Status LookUpConfinement(const cri::LinuxContainerSecurityContext& security, SpecContext* context);
absl::Status LookUpConfinement(const cri::LinuxSandboxSecurityContext& security, SpecContext* context);

// config.devices, CDI devices, and for a privileged container the host's.
absl::Status LookUpDevices(const cri::ContainerConfig& container, const ResolvedUser& user,
                           const SecurityOptions& options, const HandlerOptions& handler, SpecContext* context);

// `path` with every symbolic link followed. What is not there becomes a directory, as the kubelet expects of a runtime.
absl::StatusOr<std::string> ResolveHostPath(const std::string& path);

// Gives the container's label (`label`; empty: no SELinux) to what is on the mounts that have selinux_relabel. Their
// host paths are resolved. InvalidArgument for the node's own directories (CheckRelabel); else the errors of
// os/relabel.h.
absl::Status RelabelMounts(const cri::ContainerConfig& container, const std::string& label, const CallContext& call);

// That what is mounted at `mount`'s host path (resolved) propagates as it is asked to.
absl::Status CheckPropagation(const cri::Mount& mount, const std::string& field);

}  // namespace crisp
