#include "metrics/trace_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/registry.h>

namespace crisp {

TraceMetrics::TraceMetrics(prometheus::Registry* registry) {
  sent_ = &prometheus::BuildCounter()
               .Name("crisp_trace_spans_sent_total")
               .Help("Spans that the collector of traces has taken.")
               .Register(*registry)
               .Add({});
  auto& dropped = prometheus::BuildCounter()
                      .Name("crisp_trace_spans_dropped_total")
                      .Help("Spans that did not reach the collector of traces, by reason.")
                      .Register(*registry);
  dropped_[static_cast<size_t>(SpanLoss::kQueueFull)] = &dropped.Add({{"reason", "queue_full"}});
  dropped_[static_cast<size_t>(SpanLoss::kUnreachable)] = &dropped.Add({{"reason", "unreachable"}});
  dropped_[static_cast<size_t>(SpanLoss::kRefused)] = &dropped.Add({{"reason", "refused"}});
}

void TraceMetrics::Sent(size_t spans) {
  sent_->Increment(static_cast<double>(spans));
}

void TraceMetrics::Dropped(SpanLoss why, size_t spans) {
  dropped_[static_cast<size_t>(why)]->Increment(static_cast<double>(spans));
}

}  // namespace crisp
