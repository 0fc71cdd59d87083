// The seccomp profile of a pause container if RuntimeDefault is requested, which the kubelet does for every pod. A
// pause process sleeps, waits for signals and reaps children, so it needs few system calls. It has no capabilities
// either: the profile is the second line of defence.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace crisp {

nlohmann::json PauseSeccomp();

}  // namespace crisp
