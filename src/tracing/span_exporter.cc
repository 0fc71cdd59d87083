#include "tracing/span_exporter.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "tracing/otlp_message.h"

namespace crisp {

using Outcome = Delivery::Outcome;

absl::StatusOr<std::unique_ptr<SpanExporter>> SpanExporter::Start(TracingOptions options, TraceMetrics* metrics,
                                                                  const Retries& retries) {
  std::unique_ptr<SpanExporter> exporter(new SpanExporter(std::move(options), metrics, retries));
  ASSIGN_OR_RETURN(exporter->thread_, StartThread("traces", [self = exporter.get()] { self->Run(); }));
  return exporter;
}

SpanExporter::SpanExporter(TracingOptions options, TraceMetrics* metrics, const Retries& retries)
    : options_(std::move(options)), metrics_(metrics), retries_(retries), collector_(options_.collector) {}

SpanExporter::~SpanExporter() {
  const MonoTime end = MonoClock::now() + kEndLimit;
  {
    const MutexLock lock(mutex_);
    end_ = end;
    changed_.NotifyAll();
  }
  collector_.EndBy(end);
  if (thread_.joinable()) thread_.join();
}

void SpanExporter::Take(SpanRecord span) {
  {
    const MutexLock lock(mutex_);
    if (queue_.size() < options_.queue_size) {
      if (queue_.empty()) oldest_ = MonoClock::now();
      queue_.push_back(std::move(span));
      // Each of these is a moment for which the thread waits.
      if (queue_.size() == 1 || queue_.size() == options_.batch_size) changed_.NotifyAll();
      return;
    }
    ++overflowed_;
  }
  metrics_->Dropped(SpanLoss::kQueueFull, 1);
}

void SpanExporter::Run() {
  for (std::vector<SpanRecord> batch = Await(); !batch.empty(); batch = Await()) {
    Deliver(batch);
    CountOverflow();
  }
}

std::vector<SpanRecord> SpanExporter::Await() {
  const MutexLock lock(mutex_);
  while (end_ == kNoDeadline) {
    if (queue_.empty()) {
      changed_.Wait(mutex_);
    } else if (queue_.size() >= options_.batch_size || MonoClock::now() >= oldest_ + options_.delay) {
      break;
    } else {
      changed_.WaitUntil(mutex_, oldest_ + options_.delay);
    }
  }
  const auto last = queue_.begin() + static_cast<ptrdiff_t>(std::min(queue_.size(), options_.batch_size));
  std::vector<SpanRecord> batch(std::make_move_iterator(queue_.begin()), std::make_move_iterator(last));
  queue_.erase(queue_.begin(), last);
  oldest_ = MonoClock::now();
  return batch;
}

void SpanExporter::Deliver(const std::vector<SpanRecord>& batch) {
  const std::string body = OtlpRequest(options_.resource, batch);
  const MonoTime give_up = MonoClock::now() + retries_.give_up;
  auto pause = retries_.first;
  while (true) {
    const Delivery delivery = collector_.Send(body);
    if (delivery.outcome != Outcome::kTryAgain) return Count(delivery, batch.size());
    const MonoTime next = MonoClock::now() + std::max<std::chrono::nanoseconds>(
                                                 pause, delivery.retry_after.value_or(std::chrono::seconds(0)));
    if (next >= give_up || !Pause(next)) return Lose(SpanLoss::kUnreachable, batch.size(), delivery.error);
    pause = std::min(2 * pause, retries_.longest);
  }
}

bool SpanExporter::Pause(MonoTime until) {
  const MutexLock lock(mutex_);
  while (end_ == kNoDeadline && changed_.WaitUntil(mutex_, until)) {
  }
  return end_ == kNoDeadline;
}

void SpanExporter::Count(const Delivery& delivery, size_t spans) {
  if (delivery.outcome == Outcome::kRefused) return Lose(SpanLoss::kRefused, spans, delivery.error);
  const size_t rejected = std::min(spans, static_cast<size_t>(delivery.rejected));
  metrics_->Sent(spans - rejected);
  if (rejected > 0) return Lose(SpanLoss::kRefused, rejected, delivery.error);
  if (!std::exchange(losing_, false)) return;
  LogInfo("traces are sent again", {{"spans_lost", std::exchange(lost_, 0)}});
}

void SpanExporter::Lose(SpanLoss why, size_t spans, const std::string& error) {
  metrics_->Dropped(why, spans);
  LogLoss(spans, error);
}

void SpanExporter::CountOverflow() {
  size_t spans = 0;
  {
    const MutexLock lock(mutex_);
    spans = std::exchange(overflowed_, 0);
  }
  if (spans > 0) LogLoss(spans, "more spans came than could be sent");
}

void SpanExporter::LogLoss(size_t spans, const std::string& error) {
  lost_ += spans;
  if (std::exchange(losing_, true)) return;
  LogWarning("traces are not sent; spans are lost until the collector takes them again",
             {{"endpoint", options_.collector.url.Printable()}, {"error", error}});
}

}  // namespace crisp
