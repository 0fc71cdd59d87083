// TraceMetrics: what becomes of the spans that are to be sent to a collector (src/tracing).
//
//   crisp_trace_spans_sent_total
//   crisp_trace_spans_dropped_total{reason}   "queue_full", "unreachable" (no answer, or one that says to try again),
//                                             "refused"
//
// Thread-safe.
#pragma once

#include <cstddef>

namespace prometheus {
class Counter;
class Registry;
}  // namespace prometheus

namespace crisp {

enum class SpanLoss { kQueueFull, kUnreachable, kRefused };

class TraceMetrics {
 public:
  // `registry` must outlive the object.
  explicit TraceMetrics(prometheus::Registry* registry);

  void Sent(size_t spans);
  void Dropped(SpanLoss why, size_t spans);

 private:
  prometheus::Counter* sent_;
  prometheus::Counter* dropped_[3];  // by SpanLoss
};

}  // namespace crisp
