#include "base/step_log.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

// Milliseconds with one decimal place.
std::string Millis(MonoClock::duration time) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  return absl::StrCat(micros / 1000, ".", micros % 1000 / 100);
}

}  // namespace

StepLog::StepLog(absl::string_view operation, OwnedLogFields fields, MonoTime start)
    : operation_(operation), start_(start), fields_(std::move(fields)) {}

StepLog::~StepLog() {
  Finish(absl::OkStatus());
}

void StepLog::Add(absl::string_view name, absl::string_view value) {
  const MutexLock lock(mutex_);
  fields_.emplace_back(name, value);
}

void StepLog::Done(absl::string_view step) {
  const MonoTime now = MonoClock::now();
  const std::thread::id self = std::this_thread::get_id();
  const MutexLock lock(mutex_);
  auto latest = std::find_if(latest_.begin(), latest_.end(), [self](const auto& entry) { return entry.first == self; });
  if (latest == latest_.end()) latest = latest_.insert(latest_.end(), {self, start_});
  DoneLocked(step, std::exchange(latest->second, now), now);
}

void StepLog::Done(absl::string_view step, MonoTime since) {
  const MonoTime now = MonoClock::now();
  const MutexLock lock(mutex_);
  DoneLocked(step, since, now);
}

void StepLog::DoneLocked(absl::string_view step, MonoTime since, MonoTime now) {
  if (now - since > slowest_time_) {
    slowest_time_ = now - since;
    slowest_step_ = std::string(step);
  }
  if (!IsLogged(LogLevel::kDebug)) return;
  Log(LogLevel::kDebug, "step",
      WithFields({{"operation", operation_}, {"step", std::string(step)}, {"ms", Millis(now - since)}}));
}

void StepLog::set_log_failure(bool log_failure) {
  const MutexLock lock(mutex_);
  log_failure_ = log_failure;
}

void StepLog::Finish(const absl::Status& status) {
  const MonoClock::duration time = MonoClock::now() - start_;
  const MutexLock lock(mutex_);
  if (std::exchange(finished_, true)) return;
  if (time > kSlow) {
    OwnedLogFields first = {{"operation", operation_}, {"ms", Millis(time)}};
    if (!slowest_step_.empty()) {
      first.insert(first.end(), {{"slowest_step", slowest_step_}, {"slowest_step_ms", Millis(slowest_time_)}});
    }
    Log(LogLevel::kInfo, "slow operation", WithFields(std::move(first)));
  }
  if (!status.ok() && log_failure_) {
    Log(LogLevel::kWarning, "operation failed",
        WithFields({{"operation", operation_}, {"ms", Millis(time)}, {"error", std::string(status.message())}}));
  }
}

OwnedLogFields StepLog::WithFields(OwnedLogFields first) const {
  first.insert(first.end(), fields_.begin(), fields_.end());
  return first;
}

}  // namespace crisp
