// Call: how long the caller of an operation will wait for it, and where the times of its steps are logged. Passed down
// by const reference to whatever may block.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"

namespace crisp {

// `until` as poll(2) and epoll_wait(2) take it: milliseconds from now, rounded up; -1, for ever, for kNoDeadline.
inline int PollMillis(MonoTime until) {
  if (until == kNoDeadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - MonoClock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30));
}

class StepLog;

class Call {
 public:
  // `cancelled` is asked from the thread that waits, and must be cheap; empty means "never".
  explicit Call(MonoTime deadline = kNoDeadline, std::function<bool()> cancelled = {})
      : deadline_(deadline), cancelled_(std::move(cancelled)) {}

  static Call WithTimeout(std::chrono::nanoseconds timeout) { return Call(MonoClock::now() + timeout); }

  MonoTime deadline() const { return deadline_; }

  // This call, but no longer than `timeout` from now.
  Call Within(std::chrono::nanoseconds timeout) const {
    Call shorter = *this;
    shorter.deadline_ = std::min(deadline_, MonoClock::now() + timeout);
    return shorter;
  }

  // This call, but cancelled when `cancelled` says so, and then only.
  Call CancelledBy(std::function<bool()> cancelled) const {
    Call other = *this;
    other.cancelled_ = std::move(cancelled);
    return other;
  }

  // This call, with its steps logged in `steps`, which must outlive the result and all calls made from it.
  Call LoggedIn(StepLog* steps) const {
    Call logged = *this;
    logged.steps_ = steps;
    return logged;
  }

  // The calling thread has finished `step`. Without `since` the step began when the thread finished its previous one.
  void Done(absl::string_view step) const;
  void Done(absl::string_view step, MonoTime since) const;

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
  StepLog* steps_ = nullptr;
};

}  // namespace crisp
