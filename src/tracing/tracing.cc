#include "tracing/tracing.h"

#include <utility>

#include "base/status_macros.h"
#include "base/step_log.h"

namespace crisp {

absl::StatusOr<std::unique_ptr<Tracing>> Tracing::Start(TracingOptions options, prometheus::Registry* registry) {
  std::unique_ptr<Tracing> tracing(new Tracing(registry));
  const TraceSampler sampler = options.sampler;
  ASSIGN_OR_RETURN(tracing->exporter_,
                   SpanExporter::Start(std::move(options), &tracing->metrics_, SpanExporter::Retries()));
  tracing->tracer_ = std::make_unique<SpanTracer>(sampler, tracing->exporter_.get());
  StepLog::SetTracer(tracing->tracer());
  return tracing;
}

Tracing::~Tracing() {
  StepLog::SetTracer(nullptr);
}

}  // namespace crisp
