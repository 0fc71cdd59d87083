#include "sandbox/operation.h"

namespace crisp {

Operation::Operation(absl::string_view name, OwnedLogFields fields, std::chrono::nanoseconds timeout,
                     std::function<bool()> abandoned, const TraceContext& trace)
    : log_(name, std::move(fields), MonoClock::now(), trace),
      call_(CallContext::WithTimeout(timeout).LoggedIn(&log_)),
      abandoned_(std::move(abandoned)) {}

absl::Status Operation::End(absl::Status result) {
  if (abandoned_()) {
    log_.FinishAbandoned(result);
  } else {
    log_.Finish(result);
  }
  return result;
}

}  // namespace crisp
