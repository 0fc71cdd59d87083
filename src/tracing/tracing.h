// Tracing: the spans of this process, from their making to the collector.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "metrics/trace_metrics.h"
#include "tracing/span_exporter.h"
#include "tracing/span_tracer.h"
#include "tracing/tracing_options.h"

namespace prometheus {
class Registry;
}  // namespace prometheus

namespace crisp {

// Traces all operations (base/step_log.h) while it exists; RPCs for those that ask `tracer`. It must outlive all
// operations and calls.
class Tracing {
 public:
  // `registry` must outlive it. ResourceExhausted if no thread can be had.
  static absl::StatusOr<std::unique_ptr<Tracing>> Start(TracingOptions options, prometheus::Registry* registry);
  ~Tracing();
  Tracing(const Tracing&) = delete;
  Tracing& operator=(const Tracing&) = delete;

  Tracer* tracer() { return tracer_.get(); }

 private:
  explicit Tracing(prometheus::Registry* registry) : metrics_(registry) {}

  TraceMetrics metrics_;
  std::unique_ptr<SpanExporter> exporter_;
  std::unique_ptr<SpanTracer> tracer_;
};

}  // namespace crisp
