// The command: which file it is, and its execution.
#pragma once

#include "exec_helper/plan.h"

namespace crisp::exec_helper {

// The file of the plan's command: itself if it has a slash, else the first executable one in the directories of the
// plan's PATH. Ends the process if there is none. The result is valid until the next call.
const char* FindProgram(const Plan& plan);

// Where the kernel refuses, the process says so on its stderr and exits with 1, as that of runc does: by then it counts
// as launched.
[[noreturn]] void Execute(const Plan& plan, const char* program);

}  // namespace crisp::exec_helper
