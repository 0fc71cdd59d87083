// TraceSampler: which traces are recorded. The rules and names are those of OpenTelemetry's SDKs ("Sampler" in its
// trace SDK specification, OTEL_TRACES_SAMPLER).
//
// A value, thread-safe.
#pragma once

#include "base/trace.h"

namespace crisp {

struct TraceSampler {
  double ratio = 1;          // of the traces; by the trace id, so that all who use the same ratio choose the same ones
  bool parent_based = true;  // the parent's decision holds where there is a parent

  // Of a span of the trace `id` below `parent`, which is not valid for a root.
  bool Samples(const TraceId& id, const TraceContext& parent) const;
  bool operator==(const TraceSampler&) const = default;
};

}  // namespace crisp
