// Operation: one run of an operation on a pod or container. It has a deadline of its own, the steps that it hands down
// in its CallContext are timed in the log, and it logs its end if its caller has left: that line is then the only trace
// of the result.
//
//   Operation operation("StartContainer", LogFieldsOf(pod, container), kTransitionDeadline, abandoned, call.trace());
//   return operation.End(StartInGate(found, operation.call()));
#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"
#include "base/step_log.h"

namespace crisp {

// The step in which an operation waits for the gate of its pod or container.
inline constexpr char kWaitForOthers[] = "wait for other operations on it";

class Operation {
 public:
  // `abandoned` is true once nobody waits for the result (base/single_flight.h). `trace` is the span of the call that
  // began it.
  Operation(absl::string_view name, OwnedLogFields fields, std::chrono::nanoseconds timeout,
            std::function<bool()> abandoned, const TraceContext& trace);

  const CallContext& call() const { return call_; }
  StepLog& log() { return log_; }

  absl::Status End(absl::Status result);
  template <typename T>
  absl::StatusOr<T> End(absl::StatusOr<T> result) {
    End(result.status()).IgnoreError();
    return result;
  }

 private:
  StepLog log_;
  const CallContext call_;
  const std::function<bool()> abandoned_;
};

}  // namespace crisp
