// KeptSpans: where spans that have ended go in tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "tracing/span_record.h"

namespace crisp {

// Thread-safe.
class KeptSpans final : public SpanSink {
 public:
  void Take(SpanRecord span) override {
    const MutexLock lock(mutex_);
    spans_.push_back(std::move(span));
  }

  std::vector<SpanRecord> all() const {
    const MutexLock lock(mutex_);
    return spans_;
  }
  // The first of this name. The test fails if there is none.
  SpanRecord Named(const std::string& name) const {
    const MutexLock lock(mutex_);
    const auto found =
        std::find_if(spans_.begin(), spans_.end(), [&](const SpanRecord& span) { return span.name == name; });
    EXPECT_NE(found, spans_.end()) << name;
    return found == spans_.end() ? SpanRecord() : *found;
  }

 private:
  mutable Mutex mutex_;
  std::vector<SpanRecord> spans_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
