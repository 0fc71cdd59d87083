// Session: a request that stays open for as long as something runs: an exec, an attachment. It belongs to the
// connection that asked for it, and ends with it.
#pragma once

#include <optional>

#include "shim/runtime_command.h"

namespace crisp::shim {

class Session {
 public:
  virtual ~Session() = default;
  // Ends it. What it answers at the end says why; that may be before this returns, and may be some time after it.
  virtual void Cancel(ErrorCode why) = 0;
  // The daemon takes packets again, after it did not for a while.
  virtual void Resume() {}
};

// How an exec ends: with an exit code, or why it has none.
struct ExecEnd {
  std::optional<Failure> failure;
  int exit_code = 0;
};

}  // namespace crisp::shim
