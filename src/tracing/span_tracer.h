// SpanTracer: makes spans of RPCs, operations and their steps, and hands those that have ended to a sink.
//
// Ids are a counter that is mixed to look random, from a random start: unique in this process, and as good as random
// between processes. Times are those of the monotonic clock, moved to the wall clock by one offset for all spans, so
// that a child never lies outside of its parent; the offset follows when the wall clock is set.
//
// Threading: thread-safe. Spans may be used on any thread; the tracer and the sink outlive them.
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/trace.h"
#include "tracing/span_record.h"
#include "tracing/trace_sampler.h"

namespace crisp {

class SpanTracer final : public Tracer {
 public:
  // `sink` must outlive it.
  SpanTracer(const TraceSampler& sampler, SpanSink* sink);

  BegunSpan BeginCall(absl::string_view service, absl::string_view method, const TraceContext& parent,
                      MonoTime begun) override;
  BegunSpan BeginOperation(absl::string_view operation, const TraceContext& parent, MonoTime begun) override;

 private:
  class Span;
  TraceContext NewContext(const TraceContext& parent);
  SpanId NewSpanId();
  uint64_t NewNumber();
  void FollowWallClock();

  const TraceSampler sampler_;
  SpanSink* const sink_;
  std::atomic<uint64_t> counter_;
  std::atomic<int64_t> wall_offset_{0};  // nanoseconds
};

}  // namespace crisp
