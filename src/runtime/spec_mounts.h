// "mounts" of config.json: those that every container has and those that its configuration asks for, parents before
// children.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"
#include "api/cri/cri.h"
#include "runtime/container_context.h"
#include "runtime/pod_context.h"
#include "runtime/runtime_features.h"

namespace crisp {

// `cgroup_writable`: /sys/fs/cgroup is writable even if the container is not privileged.
nlohmann::json ContainerMounts(bool cgroup_writable, const PodContext& pod, const cri::PodSandboxConfig& pod_config,
                               const ContainerContext& context, const cri::ContainerConfig& container);

// /proc, /dev and /dev/shm (the host path `shm`). A pause container needs no more, and each further mount slows the
// start of a pod.
nlohmann::json SandboxMounts(const std::string& shm);

// InvalidArgument naming the mount that the OCI runtime cannot make. For a recursive read-only one the text begins with
// "RROUnsupported", which the kubelet looks for.
absl::Status CheckMountSupport(const RuntimeFeatures& runtime, const cri::ContainerConfig& container);

// linux.rootfsPropagation: "rshared" or "rslave" if a mount of the container asks for it, since no mount below a
// private root can be either; empty: the runtime's default.
std::string RootfsPropagation(const cri::ContainerConfig& container);

}  // namespace crisp
