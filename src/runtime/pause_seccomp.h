// The seccomp profile of a pause container that is asked to run under the runtime's default one, which the kubelet asks
// of every pod. A pause process sleeps, waits for signals and reaps; without capabilities most of the list would be
// refused anyhow, and the profile is the second wall behind that.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace crisp {

nlohmann::json PauseSeccomp();

}  // namespace crisp
