// Session: a request that stays open while something runs: an exec or an attachment. It belongs to the connection that
// made the request and ends with it.
#pragma once

#include <optional>

#include "shim/messages.h"
#include "shim/runtime_command.h"
#include "shim/state.h"

namespace crisp::shim {

class Session {
 public:
  virtual ~Session() = default;
  // Ends the session. Its answer says why; it may come before this returns or some time later.
  virtual void Cancel(ErrorCode why) = 0;
  // The daemon takes packets again, after its socket was full.
  virtual void Resume() {}

  // For an upgrade. While it is busy the session cannot be saved: its process is being launched or killed.
  virtual bool busy() const = 0;
  virtual std::string container_id() const = 0;
  // Adds it to the sessions of `state`; `owner` has its connection and request.
  virtual void Save(SessionState owner, ShimState* state) const = 0;
};

// How an exec ended: an exit code, or the reason why there is none.
struct ExecEnd {
  std::optional<Failure> failure;
  int exit_code = 0;
  RunTimes launch = {};  // of the OCI runtime that launched it
};

}  // namespace crisp::shim
