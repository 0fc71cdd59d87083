// The process's five sets of capabilities (capabilities(7)). A call ends the process if it fails.
#pragma once

#include "shim/exec_plan.h"

namespace crisp::exec_helper {

// Drops from the bounding set what `bounding` has not.
void LimitCapabilities(uint64_t bounding);
// The other four.
void SetCapabilities(const shim::ExecPlan& plan);

}  // namespace crisp::exec_helper
