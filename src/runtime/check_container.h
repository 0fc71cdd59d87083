// CheckContainerConfig: validates a container's configuration before anything is made for it. A pure function.
#pragma once

#include "absl/status/status.h"
#include "api/cri/cri.h"

namespace crisp {

// InvalidArgument naming the first field that is invalid on any node, or contradicts another field or the pod's
// configuration. What depends on the node or the runtime handler is checked when the spec is built.
absl::Status CheckContainerConfig(const cri::ContainerConfig& container, const cri::PodSandboxConfig& pod);

}  // namespace crisp
