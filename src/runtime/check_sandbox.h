// CheckSandboxConfig: validates a pod's configuration before anything is made for it. A pure function.
#pragma once

#include "absl/status/status.h"
#include "api/cri/cri.h"

namespace crisp {

// InvalidArgument naming the first field that is invalid on any node or contradicts another one. What depends on the
// node or the runtime handler is checked later: CheckUserNamespaceSupport, CheckCgroupParent.
absl::Status CheckSandboxConfig(const cri::PodSandboxConfig& pod);

}  // namespace crisp
