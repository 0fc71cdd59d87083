// CheckSandboxConfig: whether a pod's configuration makes sense, before anything is made for it. A pure function.
#pragma once

#include "absl/status/status.h"
#include "api/cri/cri.h"

namespace crisp {

// InvalidArgument naming the first field that contradicts itself or another one, or that no node can grant. What
// depends on the node or the runtime handler is checked later: CheckUserNamespaceSupport, CheckCgroupParent.
absl::Status CheckSandboxConfig(const cri::PodSandboxConfig& pod);

}  // namespace crisp
