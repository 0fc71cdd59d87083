// Traces: what a call and the work for it look like to a tracing system, as a tree of spans: things with a name, a
// begin and an end. src/tracing makes spans and sends them; here is what those who do the work need of it.
//
// Contexts are handed on by value (base/call_context.h), so that work can go on after the call that it was begun for
// has ended. While tracing is off there are no spans and contexts are not valid: that costs a test of a pointer.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/log.h"

namespace crisp {

using TraceId = std::array<uint8_t, 16>;
using SpanId = std::array<uint8_t, 8>;

// Names a span to others (W3C Trace Context, "traceparent"). One that is all zero names none.
struct TraceContext {
  TraceId trace_id{};
  SpanId span_id{};
  bool sampled = false;  // the spans of this trace are recorded

  bool valid() const { return trace_id != TraceId{} && span_id != SpanId{}; }
  bool operator==(const TraceContext&) const = default;
};

// A part of a span that has ended, such as a step of an operation. It becomes a span below that one.
struct SpanPart {
  std::string name;
  MonoTime begun;
  MonoTime ended;
  OwnedLogFields fields = {};
  std::vector<SpanPart> parts = {};  // parts of this one
};

// A span that has begun and is recorded. One that is destroyed without End is not sent; its parts have been.
// Thread-safe.
class TraceSpan {
 public:
  virtual ~TraceSpan() = default;
  virtual const TraceContext& context() const = 0;
  // This span waited for, or shared, the work of another.
  virtual void LinkTo(const TraceContext& other) = 0;
  virtual void Add(const SpanPart& part) = 0;
  virtual void AddField(absl::string_view name, absl::string_view value) = 0;
  // Called once, and last.
  virtual void End(const absl::Status& status, MonoTime now) = 0;
};

// What was decided about something that begins.
struct BegunSpan {
  TraceContext context;             // for what is begun below it; valid also if it is not recorded
  std::unique_ptr<TraceSpan> span;  // null: it is not recorded
};

// Thread-safe.
class Tracer {
 public:
  virtual ~Tracer() = default;
  // An RPC that a client calls. `parent` is the client's span, if it is valid.
  virtual BegunSpan BeginCall(absl::string_view service, absl::string_view method, const TraceContext& parent,
                              MonoTime begun) = 0;
  // An operation (base/step_log.h). Without a valid parent it is the root of a trace of its own.
  virtual BegunSpan BeginOperation(absl::string_view operation, const TraceContext& parent, MonoTime begun) = 0;
};

}  // namespace crisp
