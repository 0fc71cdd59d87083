// CallContext: how long the caller of an operation waits for it (a deadline, and a cancellation), where the times of
// its steps are logged, and the trace that it belongs to (base/trace.h). Passed by const reference to every function
// that may block.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/trace.h"

namespace crisp {

// `until` as a timeout of poll(2) and epoll_wait(2): milliseconds from now, rounded up; -1 (no timeout) for
// kNoDeadline.
inline int PollMillis(MonoTime until) {
  if (until == kNoDeadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - MonoClock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30));
}

class StepLog;

class CallContext {
 public:
  // `cancelled` is called by the thread that waits and must be cheap; empty means "never".
  explicit CallContext(MonoTime deadline = kNoDeadline, std::function<bool()> cancelled = {})
      : deadline_(deadline), cancelled_(std::move(cancelled)) {}

  static CallContext WithTimeout(std::chrono::nanoseconds timeout) { return CallContext(MonoClock::now() + timeout); }

  MonoTime deadline() const { return deadline_; }

  // The same context with a deadline at most `timeout` from now.
  CallContext Within(std::chrono::nanoseconds timeout) const {
    CallContext shorter = *this;
    shorter.deadline_ = std::min(deadline_, MonoClock::now() + timeout);
    return shorter;
  }

  // The same context with `cancelled` in place of its own cancellation.
  CallContext CancelledBy(std::function<bool()> cancelled) const {
    CallContext other = *this;
    other.cancelled_ = std::move(cancelled);
    return other;
  }

  // The same context with its steps logged in `steps`, which must outlive the result and all contexts made from it.
  CallContext LoggedIn(StepLog* steps) const;

  // The same context as part of a trace. `span`, which must outlive the result and all contexts made from it, is that
  // of `trace`; null: it is not recorded.
  CallContext TracedIn(const TraceContext& trace, TraceSpan* span) const {
    CallContext traced = *this;
    traced.trace_ = trace;
    traced.span_ = span;
    return traced;
  }
  // The parent of what is begun for this call: the operation whose steps it logs, else the RPC. Not valid: none.
  const TraceContext& trace() const { return trace_; }
  // That span waits for the work of another.
  void LinkTo(const TraceContext& other) const;
  // Whether AddPart has an effect. For work that only it needs.
  bool IsRecorded() const;
  // A part of the step that the calling thread is at, or of the RPC where no steps are logged.
  void AddPart(SpanPart part) const;

  // The calling thread has finished `step`. Without `since` the step began when the thread finished its previous one.
  void Done(absl::string_view step) const;
  void Done(absl::string_view step, MonoTime since) const;

  // OK while the caller waits; then DeadlineExceeded or Cancelled.
  absl::Status Check() const {
    if (cancelled_ && cancelled_()) return absl::CancelledError("the caller has gone");
    if (MonoClock::now() >= deadline_) return absl::DeadlineExceededError("the caller's deadline has passed");
    return absl::OkStatus();
  }

  // True if the caller can leave before its deadline: a wait must then call Check at NextLook.
  bool can_cancel() const { return static_cast<bool>(cancelled_); }

  // gRPC's synchronous API reports a cancelled call only when asked. Waits ask at this interval at first; one that has
  // lasted for long asks less often, so that thousands of waiting calls cost little.
  static constexpr std::chrono::milliseconds kCancelPoll{50};
  static constexpr std::chrono::seconds kLongestCancelPoll{2};

  // When a wait must call Check again.
  MonoTime NextLook() const {
    if (!can_cancel()) return deadline_;
    const MonoTime now = MonoClock::now();
    const auto pause = std::clamp<std::chrono::nanoseconds>((now - begun_) / 4, kCancelPoll, kLongestCancelPoll);
    return std::min(deadline_, now + pause);
  }

 private:
  friend class ProcessWait;
  MonoTime deadline_;
  MonoTime begun_ = MonoClock::now();
  std::function<bool()> cancelled_;
  StepLog* steps_ = nullptr;
  TraceContext trace_;
  TraceSpan* span_ = nullptr;
};

// While it exists, the operation whose steps `call` logs is known to wait, on this thread, for process `pid`
// (base/operations.h).
class ProcessWait {
 public:
  ProcessWait(const CallContext& call, pid_t pid);
  ~ProcessWait();
  ProcessWait(const ProcessWait&) = delete;
  ProcessWait& operator=(const ProcessWait&) = delete;

 private:
  StepLog* const steps_;  // null: nobody's
};

}  // namespace crisp
