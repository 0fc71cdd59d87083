// Call: how long the caller of an operation will wait for it. Passed down by const reference to whatever may block.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "base/clock.h"

namespace crisp {

// `until` as poll(2) and epoll_wait(2) take it: milliseconds from now, rounded up; -1, for ever, for kNoDeadline.
inline int PollMillis(MonoTime until) {
  if (until == kNoDeadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - MonoClock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30));
}

class Call {
 public:
  // `cancelled` is asked from the thread that waits, and must be cheap; empty means "never".
  explicit Call(MonoTime deadline = kNoDeadline, std::function<bool()> cancelled = {})
      : deadline_(deadline), cancelled_(std::move(cancelled)) {}

  static Call WithTimeout(std::chrono::nanoseconds timeout) { return Call(MonoClock::now() + timeout); }

  MonoTime deadline() const { return deadline_; }

  // This call, but no longer than `timeout` from now.
  Call Within(std::chrono::nanoseconds timeout) const {
    return Call(std::min(deadline_, MonoClock::now() + timeout), cancelled_);
  }

  // DeadlineExceeded or Cancelled once the caller has gone, else OK.
  absl::Status Check() const {
    if (cancelled_ && cancelled_()) return absl::CancelledError("the caller has gone");
    if (MonoClock::now() >= deadline_) return absl::DeadlineExceededError("the caller's deadline has passed");
    return absl::OkStatus();
  }

  // True if the caller can go before its deadline: a wait must then look up now and then (kCancelPoll).
  bool can_cancel() const { return static_cast<bool>(cancelled_); }

  // gRPC's synchronous API tells of a cancelled call only when asked. This bounds how late we notice.
  static constexpr std::chrono::milliseconds kCancelPoll{50};

  // Until when to sleep before Check is worth another look.
  MonoTime NextLook() const { return can_cancel() ? std::min(deadline_, MonoClock::now() + kCancelPoll) : deadline_; }

 private:
  MonoTime deadline_;
  std::function<bool()> cancelled_;
};

}  // namespace crisp
