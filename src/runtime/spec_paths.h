// The paths of /proc and /sys that a container does not see, or cannot write to.
#pragma once

#include <string>
#include <vector>

#include "api/cri/cri.h"
#include "runtime/host_facts.h"

namespace crisp {

// Those that `security` names, in the order of their first mention, each once: every one is a mount. On a host with
// disable_proc_mount those that are usual too. Not for a privileged container.
std::vector<std::string> MaskedPaths(const HostFacts& host, const cri::LinuxContainerSecurityContext& security);
std::vector<std::string> ReadonlyPaths(const HostFacts& host, const cri::LinuxContainerSecurityContext& security);

}  // namespace crisp
