// KeptSpan: a span under way that keeps what it is told, for tests of those who do the work.
#pragma once

#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/trace.h"

namespace crisp {

// Thread-safe.
class KeptSpan final : public TraceSpan {
 public:
  const TraceContext& context() const override { return context_; }
  void LinkTo(const TraceContext& other) override {
    const MutexLock lock(mutex_);
    links_.push_back(other);
  }
  void Add(const SpanPart& part) override {
    const MutexLock lock(mutex_);
    parts_.push_back(part);
  }
  void AddField(absl::string_view, absl::string_view) override {}
  void End(const absl::Status&, MonoTime) override {}

  std::vector<SpanPart> parts() const {
    const MutexLock lock(mutex_);
    return parts_;
  }
  std::vector<TraceContext> links() const {
    const MutexLock lock(mutex_);
    return links_;
  }

 private:
  const TraceContext context_{TraceId{1}, SpanId{2}, true};
  mutable Mutex mutex_;
  std::vector<SpanPart> parts_ ABSL_GUARDED_BY(mutex_);
  std::vector<TraceContext> links_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
