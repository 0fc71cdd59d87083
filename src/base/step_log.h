// StepLog: how long the steps of an operation take. All lines have the same fields.
//
//   StepLog log("RunPodSandbox", {{"namespace", "default"}, {"pod", "web-0"}});
//   …
//   log.Add("pod_id", id);
//   log.Done("create netns");
//   …
//   log.Finish(status);
//
// Each finished step is a debug line:
//   step operation=RunPodSandbox step="create netns" ms=1.204 namespace=default pod=web-0 pod_id=…
// An operation that takes over a second ends with an info line:
//   operation took long operation=RunPodSandbox ms=1500.3 slowest_step="run CNI" slowest_step_ms=1300.1
//   namespace=default …
//
// It is one of Operations::All as long as it exists. While tracing is on it is a span, and each step one below it.
//
// Thread-safe: steps that run side by side on several threads share one object. While debug lines are off, Done costs a
// lock and a look at the clock.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/operations.h"
#include "base/trace.h"

namespace crisp {

// Learns of the same times. Both methods are called on the thread that does the work, with the StepLog locked.
class StepObserver {
 public:
  virtual ~StepObserver() = default;
  virtual void OnStep(absl::string_view operation, absl::string_view step, MonoClock::duration time) = 0;
  virtual void OnEnd(absl::string_view operation, bool ok, MonoClock::duration time) = 0;
};

class StepLog final : private OperationSource {
 public:
  // Of all operations of the process; null: none. It must outlive them, or the next call of this.
  static void SetObserver(StepObserver* observer);
  // Likewise, for those that begin from now on.
  static void SetTracer(Tracer* tracer);

  // An operation that takes longer ends with an info line.
  static constexpr std::chrono::seconds kLong{1};

  // `start` is when the operation began. `parent` is the span that it is begun for; not valid: it is not begun for a
  // call.
  StepLog(absl::string_view operation, OwnedLogFields fields, MonoTime start = MonoClock::now(),
          const TraceContext& parent = {});
  // Does what Finish(OkStatus()) does, if Finish was not called.
  ~StepLog() override;
  StepLog(const StepLog&) = delete;
  StepLog& operator=(const StepLog&) = delete;

  // A field for all later lines, such as an id that is known only now.
  void Add(absl::string_view name, absl::string_view value);

  // The calling thread has finished `step`. Without `since` the step began when the thread finished its previous one;
  // the first one of a thread began with the operation.
  void Done(absl::string_view step);
  // `step_fields` are of this step alone, such as the layer of an image. The line of a long operation has those of its
  // slowest step.
  void Done(absl::string_view step, MonoTime since, OwnedLogFields step_fields = {});

  // The operation is over. A step that failed has not been Done; if it is the slowest, it is named "after" the last one
  // that was. Only the first call of Finish or FinishAbandoned counts.
  void Finish(const absl::Status& status);
  // The calling thread waits for process `pid`; 0: no longer for one.
  void WaitFor(pid_t pid);

  // The context for what is begun for this operation. Not valid while tracing is off.
  const TraceContext& trace() const { return span_.context; }
  bool IsRecorded() const { return span_.span != nullptr; }
  // The operation waits for the work of another.
  void LinkTo(const TraceContext& other);
  // A part of the step that the calling thread is at.
  void AddPart(SpanPart part);

  // Nobody waits for the result any more: the end is a line however long it took, and a warning if `status` is not OK.
  //   operation ended after its caller had left operation=RunPodSandbox ms=5200 … error="…"
  void FinishAbandoned(const absl::Status& status);

 private:
  OperationView View() const override;
  void DoneLocked(absl::string_view step, MonoTime since, MonoTime now, OwnedLogFields step_fields)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  struct ThreadState {
    std::thread::id thread;
    pid_t tid;
    MonoTime latest;                   // when it finished its latest step
    pid_t waits_for = 0;               // a process
    std::vector<SpanPart> parts = {};  // of the step that it is at
  };
  // Of one step; more are parts of the operation.
  static constexpr size_t kMostParts = 100;

  ThreadState& OfThisThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TraceStep(absl::string_view step, MonoTime since, MonoTime now, const OwnedLogFields& step_fields)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndSpan(MonoTime now, const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // False if it had ended before.
  bool End(MonoTime now, const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LogEnd(LogLevel level, absl::string_view message, MonoTime now, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // `first`, `step_fields`, then the fields of all lines; a view of the latter two.
  std::vector<LogField> WithFields(std::vector<LogField> first, const OwnedLogFields& step_fields) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string operation_;
  const MonoTime start_;
  const BegunSpan span_;

  mutable Mutex mutex_;
  OwnedLogFields fields_ ABSL_GUARDED_BY(mutex_);
  std::vector<ThreadState> threads_ ABSL_GUARDED_BY(mutex_);  // a handful at most, so searched one by one
  std::string last_step_ ABSL_GUARDED_BY(mutex_);
  MonoTime last_done_ ABSL_GUARDED_BY(mutex_);
  std::string slowest_step_ ABSL_GUARDED_BY(mutex_);
  OwnedLogFields slowest_fields_ ABSL_GUARDED_BY(mutex_);
  MonoClock::duration slowest_time_ ABSL_GUARDED_BY(mutex_){0};
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t id_ = 0;  // in Operations; last: from then on View is called
};

}  // namespace crisp
