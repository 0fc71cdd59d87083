#include "base/step_log.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

std::atomic<StepObserver*> observer_of_all{nullptr};
std::atomic<Tracer*> tracer_of_all{nullptr};

BegunSpan BeginSpan(absl::string_view operation, const TraceContext& parent, MonoTime start) {
  Tracer* const tracer = tracer_of_all;
  return tracer != nullptr ? tracer->BeginOperation(operation, parent, start) : BegunSpan();
}

double Millis(MonoClock::duration time) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(time).count()) / 1000;
}

}  // namespace

void StepLog::SetObserver(StepObserver* observer) {
  observer_of_all = observer;
}

void StepLog::SetTracer(Tracer* tracer) {
  tracer_of_all = tracer;
}

StepLog::StepLog(absl::string_view operation, OwnedLogFields fields, MonoTime start, const TraceContext& parent)
    : operation_(operation),
      start_(start),
      span_(BeginSpan(operation, parent, start)),
      fields_(std::move(fields)),
      threads_{ThreadState{std::this_thread::get_id(), gettid(), start}},
      last_done_(start),
      id_(Operations::All().Enter(this)) {}

StepLog::~StepLog() {
  Finish(absl::OkStatus());
  Operations::All().Leave(id_);
}

void StepLog::Add(absl::string_view name, absl::string_view value) {
  const MutexLock lock(mutex_);
  fields_.emplace_back(name, value);
}

void StepLog::Done(absl::string_view step) {
  const MonoTime now = MonoClock::now();
  const MutexLock lock(mutex_);
  DoneLocked(step, std::exchange(OfThisThread().latest, now), now, {});
}

StepLog::ThreadState& StepLog::OfThisThread() {
  const std::thread::id self = std::this_thread::get_id();
  const auto found =
      std::find_if(threads_.begin(), threads_.end(), [self](const ThreadState& each) { return each.thread == self; });
  return found != threads_.end() ? *found : threads_.emplace_back(ThreadState{self, gettid(), start_});
}

void StepLog::WaitFor(pid_t pid) {
  const MutexLock lock(mutex_);
  OfThisThread().waits_for = pid;
}

void StepLog::LinkTo(const TraceContext& other) {
  if (span_.span != nullptr) span_.span->LinkTo(other);
}

void StepLog::AddPart(SpanPart part) {
  if (span_.span == nullptr) return;
  const MutexLock lock(mutex_);
  if (finished_) return;
  std::vector<SpanPart>& parts = OfThisThread().parts;
  if (parts.size() < kMostParts) {
    parts.push_back(std::move(part));
  } else {
    span_.span->Add(part);
  }
}

void StepLog::TraceStep(absl::string_view step, MonoTime since, MonoTime now, const OwnedLogFields& step_fields) {
  if (span_.span == nullptr || finished_) return;
  span_.span->Add({std::string(step), since, now, step_fields, std::exchange(OfThisThread().parts, {})});
}

// What a step that did not end has left are parts of the operation.
void StepLog::EndSpan(MonoTime now, const absl::Status& status) {
  if (span_.span == nullptr) return;
  for (ThreadState& thread : threads_) {
    for (const SpanPart& part : std::exchange(thread.parts, {})) span_.span->Add(part);
  }
  for (const auto& [name, value] : fields_) span_.span->AddField(name, value);
  span_.span->End(status, now);
}

OperationView StepLog::View() const {
  const MutexLock lock(mutex_);
  OperationView view;
  view.operation = operation_;
  view.fields = fields_;
  view.begun = start_;
  view.last_step = last_step_;
  view.last_done = last_done_;
  for (const ThreadState& thread : threads_) {
    view.threads.push_back(thread.tid);
    if (thread.waits_for != 0) view.waits_for.push_back(thread.waits_for);
  }
  return view;
}

void StepLog::Done(absl::string_view step, MonoTime since, OwnedLogFields step_fields) {
  const MonoTime now = MonoClock::now();
  const MutexLock lock(mutex_);
  DoneLocked(step, since, now, std::move(step_fields));
}

void StepLog::DoneLocked(absl::string_view step, MonoTime since, MonoTime now, OwnedLogFields step_fields) {
  last_step_ = std::string(step);
  last_done_ = now;
  if (StepObserver* const observer = observer_of_all) observer->OnStep(operation_, step, now - since);
  TraceStep(step, since, now, step_fields);
  if (IsLogged(LogLevel::kDebug)) {
    Log(LogLevel::kDebug, "step",
        WithFields({{"operation", operation_}, {"step", step}, {"ms", Millis(now - since)}}, step_fields));
  }
  if (now - since < slowest_time_) return;
  slowest_time_ = now - since;
  slowest_step_ = last_step_;
  slowest_fields_ = std::move(step_fields);
}

void StepLog::Finish(const absl::Status& status) {
  const MonoTime now = MonoClock::now();
  const MutexLock lock(mutex_);
  if (!End(now, status) || now - start_ <= kLong) return;
  LogEnd(LogLevel::kInfo, "operation took long", now, status);
}

void StepLog::FinishAbandoned(const absl::Status& status) {
  const MonoTime now = MonoClock::now();
  const MutexLock lock(mutex_);
  if (span_.span != nullptr && !finished_) span_.span->AddField("caller_left", "true");
  if (!End(now, status)) return;
  LogEnd(status.ok() ? LogLevel::kInfo : LogLevel::kWarning, "operation ended after its caller had left", now, status);
}

bool StepLog::End(MonoTime now, const absl::Status& status) {
  if (std::exchange(finished_, true)) return false;
  if (StepObserver* const observer = observer_of_all) observer->OnEnd(operation_, status.ok(), now - start_);
  EndSpan(now, status);
  return true;
}

void StepLog::LogEnd(LogLevel level, absl::string_view message, MonoTime now, const absl::Status& status) {
  if (!IsLogged(level)) return;
  if (!last_step_.empty() && now - last_done_ > slowest_time_) {
    slowest_time_ = now - last_done_;
    slowest_step_ = absl::StrCat("after ", last_step_);
    slowest_fields_.clear();
  }
  std::vector<LogField> fields = {{"operation", operation_}, {"ms", Millis(now - start_)}};
  if (!slowest_step_.empty()) {
    fields.emplace_back("slowest_step", slowest_step_);
    fields.emplace_back("slowest_step_ms", Millis(slowest_time_));
  }
  if (!status.ok()) fields.emplace_back("error", status.message());
  Log(level, message, WithFields(std::move(fields), slowest_fields_));
}

std::vector<LogField> StepLog::WithFields(std::vector<LogField> first, const OwnedLogFields& step_fields) const {
  for (const OwnedLogFields* fields : {&step_fields, &fields_}) {
    const std::vector<LogField> more = ViewOf(*fields);
    first.insert(first.end(), more.begin(), more.end());
  }
  return first;
}

}  // namespace crisp
