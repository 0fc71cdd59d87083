// SpanRecord: a span that has ended, as it is sent; and where it goes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/trace.h"

namespace crisp {

struct SpanRecord {
  TraceContext context;
  SpanId parent{};             // all zero: the root
  bool remote_parent = false;  // the parent is in another process
  bool server = false;         // an RPC; else what is done for one
  std::string name;
  int64_t begun = 0;  // wall-clock nanoseconds since 1970
  int64_t ended = 0;
  std::vector<std::pair<std::string, std::variant<std::string, int64_t>>> attributes = {};  // by OpenTelemetry's names
  std::vector<TraceContext> links = {};
  bool failed = false;
  std::string error = {};  // of one that failed
};

// Thread-safe.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  // Does not block.
  virtual void Take(SpanRecord span) = 0;
};

}  // namespace crisp
