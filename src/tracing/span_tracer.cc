#include "tracing/span_tracer.h"

#include <sys/random.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "tracing/attributes.h"

namespace crisp {
namespace {

static_assert(std::is_same_v<MonoClock::duration, std::chrono::nanoseconds>);

constexpr size_t kMostLinks = 128;           // of a span, as OpenTelemetry's SDKs have it
constexpr int64_t kWallJitter = 10'000'000;  // nanoseconds; a larger difference is a clock that was set
constexpr int64_t kExactReading = 1'000'000;

uint64_t RandomNumber() {
  uint64_t number = 0;
  if (getrandom(&number, sizeof(number), 0) != sizeof(number)) std::abort();
  return number;
}

// The codes with which OpenTelemetry's conventions for gRPC mark the span of a server as failed: those of other codes
// are what the client has asked for.
bool IsServerFault(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDataLoss:
      return true;
    default:
      return false;
  }
}

template <size_t N>
void Fill(uint64_t number, std::array<uint8_t, N>* bytes, size_t at) {
  for (size_t i = 0; i < 8; ++i) (*bytes)[at + i] = static_cast<uint8_t>(number >> (8 * i));
}

}  // namespace

class SpanTracer::Span final : public TraceSpan {
 public:
  Span(SpanTracer* tracer, SpanRecord record, MonoTime begun)
      : tracer_(tracer), wall_offset_(tracer->wall_offset_), context_(record.context), record_(std::move(record)) {
    record_.begun = WallTime(begun);
  }

  const TraceContext& context() const override { return context_; }

  void LinkTo(const TraceContext& other) override {
    const MutexLock lock(mutex_);
    if (record_.links.size() < kMostLinks) record_.links.push_back(other);
  }

  void Add(const SpanPart& part) override { AddBelow(context_.span_id, part); }

  void AddField(absl::string_view name, absl::string_view value) override {
    const MutexLock lock(mutex_);
    record_.attributes.emplace_back(AttributeName(name), AttributeValue(name, value));
  }

  void End(const absl::Status& status, MonoTime now) override {
    const MutexLock lock(mutex_);
    record_.ended = WallTime(now);
    record_.failed = record_.server ? IsServerFault(status.code()) : !status.ok();
    if (record_.failed) record_.error = std::string(status.message());
    if (record_.server) record_.attributes.emplace_back("rpc.grpc.status_code", static_cast<int64_t>(status.code()));
    tracer_->sink_->Take(std::move(record_));
  }

 private:
  void AddBelow(const SpanId& parent, const SpanPart& part) {
    SpanRecord record;
    record.context = context_;
    record.context.span_id = tracer_->NewSpanId();
    record.parent = parent;
    record.name = part.name;
    record.begun = WallTime(part.begun);
    record.ended = WallTime(part.ended);
    for (const auto& [name, value] : part.fields)
      record.attributes.emplace_back(AttributeName(name), AttributeValue(name, value));
    for (const SpanPart& below : part.parts) AddBelow(record.context.span_id, below);
    tracer_->sink_->Take(std::move(record));
  }

  int64_t WallTime(MonoTime time) const { return time.time_since_epoch().count() + wall_offset_; }

  SpanTracer* const tracer_;
  const int64_t wall_offset_;
  const TraceContext context_;
  Mutex mutex_;
  SpanRecord record_ ABSL_GUARDED_BY(mutex_);
};

SpanTracer::SpanTracer(const TraceSampler& sampler, SpanSink* sink)
    : sampler_(sampler), sink_(sink), counter_(RandomNumber()) {
  wall_offset_ = WallNanos() - MonoClock::now().time_since_epoch().count();
}

// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators").
uint64_t SpanTracer::NewNumber() {
  uint64_t z = counter_.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

SpanId SpanTracer::NewSpanId() {
  SpanId id;
  do {
    Fill(NewNumber(), &id, 0);
  } while (id == SpanId{});
  return id;
}

TraceContext SpanTracer::NewContext(const TraceContext& parent) {
  TraceContext context;
  if (parent.valid()) {
    context.trace_id = parent.trace_id;
  } else {
    Fill(NewNumber(), &context.trace_id, 0);
    Fill(NewNumber(), &context.trace_id, 8);
  }
  context.span_id = NewSpanId();
  context.sampled = sampler_.Samples(context.trace_id, parent);
  return context;
}

// Two readings that are far apart, because the thread lost the CPU in between, say nothing.
void SpanTracer::FollowWallClock() {
  const int64_t before = MonoClock::now().time_since_epoch().count();
  const int64_t wall = WallNanos();
  const int64_t after = MonoClock::now().time_since_epoch().count();
  if (after - before < kExactReading && std::abs(wall - before - wall_offset_) > kWallJitter) {
    wall_offset_ = wall - before;
  }
}

BegunSpan SpanTracer::BeginCall(absl::string_view service, absl::string_view method, const TraceContext& parent,
                                MonoTime begun) {
  BegunSpan call;
  call.context = NewContext(parent);
  if (!call.context.sampled) return call;
  FollowWallClock();
  SpanRecord record;
  record.context = call.context;
  record.parent = parent.span_id;
  record.remote_parent = parent.valid();
  record.server = true;
  record.name = absl::StrCat(service, "/", method);
  record.attributes = {
      {"rpc.system", "grpc"}, {"rpc.service", std::string(service)}, {"rpc.method", std::string(method)}};
  call.span = std::make_unique<Span>(this, std::move(record), begun);
  return call;
}

// An operation for a call keeps to the decision that was made for the call.
BegunSpan SpanTracer::BeginOperation(absl::string_view operation, const TraceContext& parent, MonoTime begun) {
  BegunSpan work;
  work.context = NewContext(parent);
  if (parent.valid()) work.context.sampled = parent.sampled;
  if (!work.context.sampled) return work;
  SpanRecord record;
  record.context = work.context;
  record.parent = parent.span_id;
  record.name = std::string(operation);
  work.span = std::make_unique<Span>(this, std::move(record), begun);
  return work;
}

}  // namespace crisp
