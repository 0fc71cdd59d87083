// SpanExporter: collects spans that have ended, and sends them to a collector in batches, on a thread of its own. The
// thread sleeps as long as there are none.
//
// A batch is sent when it is full, or when its oldest span has waited for the options' delay. If the collector cannot
// be reached, or says to try again, the batch is tried again, less and less often, for a minute; then it is dropped.
// Meanwhile new spans wait in a queue of bounded length, and are dropped when it is full. So a collector that hangs
// costs spans, and nothing else. That spans are lost is logged once, until some are taken again.
//
// Threading: thread-safe; Take never waits for the network. The destructor sends what there is, for at most half a
// second.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "metrics/trace_metrics.h"
#include "tracing/collector.h"
#include "tracing/span_record.h"
#include "tracing/tracing_options.h"

namespace crisp {

class SpanExporter final : public SpanSink {
 public:
  // How a batch is tried again.
  struct Retries {
    std::chrono::milliseconds first{1000};     // the wait before the second try; each further one is twice as long,
    std::chrono::milliseconds longest{30000};  // up to this
    std::chrono::milliseconds give_up{60000};  // since the first try
  };

  // `metrics` must outlive it.
  static absl::StatusOr<std::unique_ptr<SpanExporter>> Start(TracingOptions options, TraceMetrics* metrics,
                                                             const Retries& retries);
  ~SpanExporter() override;
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  void Take(SpanRecord span) override;

 private:
  static constexpr std::chrono::milliseconds kEndLimit{500};

  SpanExporter(TracingOptions options, TraceMetrics* metrics, const Retries& retries);
  void Run();
  // The next batch that is due; empty at the end.
  std::vector<SpanRecord> Await();
  void Deliver(const std::vector<SpanRecord>& batch);
  // False if there is no time left for another try.
  bool Pause(MonoTime until);
  void Count(const Delivery& delivery, size_t spans);
  void CountOverflow();
  void Lose(SpanLoss why, size_t spans, const std::string& error);
  void LogLoss(size_t spans, const std::string& error);

  const TracingOptions options_;
  TraceMetrics* const metrics_;
  const Retries retries_;
  Collector collector_;
  bool losing_ = false;  // has been logged; the thread's own, as the next
  size_t lost_ = 0;      // since then

  Mutex mutex_;
  CondVar changed_;
  std::vector<SpanRecord> queue_ ABSL_GUARDED_BY(mutex_);
  MonoTime oldest_ ABSL_GUARDED_BY(mutex_);             // when the first of queue_ came
  size_t overflowed_ ABSL_GUARDED_BY(mutex_) = 0;       // spans that found it full, and have not been logged
  MonoTime end_ ABSL_GUARDED_BY(mutex_) = kNoDeadline;  // set by the destructor
  std::thread thread_;
};

}  // namespace crisp
