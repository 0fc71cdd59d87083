// CheckContainerConfig: whether a container's configuration makes sense, before anything is made for it. A pure
// function.
#pragma once

#include "absl/status/status.h"
#include "api/cri/cri.h"

namespace crisp {

// InvalidArgument naming the first field that contradicts itself, another one or the configuration of its pod, or that
// no node can grant. What depends on the node or the runtime handler is checked when the spec is built.
absl::Status CheckContainerConfig(const cri::ContainerConfig& container, const cri::PodSandboxConfig& pod);

}  // namespace crisp
