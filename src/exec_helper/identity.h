// The process's user, groups and working directory.
#pragma once

#include "exec_helper/plan.h"

namespace crisp::exec_helper {

// Root, without supplementary groups. Each call ends the process if it fails.
void BecomeRoot();
// Changes the user to the plan's, its working directory before or after that, and its capabilities.
void TakeIdentity(const Plan& plan);

}  // namespace crisp::exec_helper
