// How the helper talks to the shim (shim/exec_report.h). There is nothing to do about a report that cannot be sent.
#pragma once

#include "shim/exec_report.h"

namespace crisp::exec_helper {

using shim::ExecReport;

// False if the shim does not listen any more.
bool Tell(ExecReport::Kind kind);
// Sends the descriptor `master` along.
bool TellTerminal(int master);
// Reports the failure and ends the process. `result` is that of a system call: a negated errno value.
[[noreturn]] void Fail(ExecReport::Step step, long result, const char* text = "");
[[noreturn]] void End(int code);

// Fails with the step unless `result` is that of a call that worked; returns it.
inline long Must(ExecReport::Step step, long result) {
  if (result < 0) Fail(step, result);
  return result;
}

}  // namespace crisp::exec_helper
