// The "traceparent" of W3C Trace Context (Level 1, section 3.2), with which a client names the span that it calls from:
//
//   00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//   version, trace id, span id, flags (bit 0: sampled); in lower-case hexadecimal
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "base/trace.h"

namespace crisp {

// Not valid if `text` is not such a value. Of a later version what follows the flags is ignored.
TraceContext ParseTraceparent(absl::string_view text);

std::string FormatTraceparent(const TraceContext& context);

// In lower-case hexadecimal, as log lines have them.
std::string TraceIdText(const TraceContext& context);
std::string SpanIdText(const TraceContext& context);

}  // namespace crisp
