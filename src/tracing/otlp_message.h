// Spans as the body of a request of OTLP over HTTP, and its answer (api/otlp/trace.proto).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "tracing/span_record.h"

namespace crisp {

// An ExportTraceServiceRequest. `resource` are the attributes of what sends the spans; names and values are UTF-8.
// Texts of spans become UTF-8, and are cut where they are very long.
std::string OtlpRequest(const std::vector<std::pair<std::string, std::string>>& resource,
                        const std::vector<SpanRecord>& spans);

// What an ExportTraceServiceResponse says of spans that the collector has not taken.
struct PartialSuccess {
  int64_t rejected = 0;
  std::string error;  // why, in one line
};

// An empty body, and one that is no such message, rejects nothing.
PartialSuccess ReadOtlpResponse(absl::string_view body);

}  // namespace crisp
