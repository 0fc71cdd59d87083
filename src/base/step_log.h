// StepLog: what an operation of several steps writes to the log, with the same fields in each line.
//
//   StepLog log("RunPodSandbox", {{"namespace", "default"}, {"pod", "web-0"}});
//   …
//   log.Add("pod_id", id);
//   …
//   log.Done("create netns");     // debug step operation=RunPodSandbox step="create netns" ms=1.2 namespace=default …
//   …
//   log.Finish(status);           // info slow operation operation=RunPodSandbox ms=1500.3 slowest_step="run CNI" …
//
// Thread-safe: steps that run side by side on several threads share one. While debug lines are off, Done costs a lock
// and a look at the clock.
#pragma once

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"

namespace crisp {

class StepLog {
 public:
  // An operation that takes longer than this is named in the log with its slowest step.
  static constexpr std::chrono::seconds kSlow{1};

  // `start` is when the operation began.
  StepLog(absl::string_view operation, OwnedLogFields fields, MonoTime start = MonoClock::now());
  // Does what Finish(OkStatus()) does, if Finish was not called.
  ~StepLog();
  StepLog(const StepLog&) = delete;
  StepLog& operator=(const StepLog&) = delete;

  // A field for all later lines, such as an id that is known only now.
  void Add(absl::string_view name, absl::string_view value);

  // The calling thread has done `step`, which it began when it did its previous one. A thread's first step began when
  // the operation did; a thread that joins later gives the time itself.
  void Done(absl::string_view step);
  void Done(absl::string_view step, MonoTime since);

  // For an operation whose error no caller logs: Finish writes a warning with it.
  void set_log_failure(bool log_failure);

  // The operation is over: an info line if it was slow, and a warning if it failed and set_log_failure was called. Only
  // the first call counts.
  void Finish(const absl::Status& status);

 private:
  void DoneLocked(absl::string_view step, MonoTime since, MonoTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // `first`, then the fields of all lines.
  OwnedLogFields WithFields(OwnedLogFields first) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string operation_;
  const MonoTime start_;

  mutable Mutex mutex_;
  OwnedLogFields fields_ ABSL_GUARDED_BY(mutex_);
  // When each thread did its latest step. A handful at most, so searched one by one.
  std::vector<std::pair<std::thread::id, MonoTime>> latest_ ABSL_GUARDED_BY(mutex_);
  std::string slowest_step_ ABSL_GUARDED_BY(mutex_);
  MonoClock::duration slowest_time_ ABSL_GUARDED_BY(mutex_){-1};
  bool log_failure_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace crisp
