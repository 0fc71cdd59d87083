// What a test asks of counters.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/counters.h"

namespace crisp {

// What is counted for `value` of the label; 0 if it was never counted.
inline uint64_t Counted(const CountsByLabel<Counter>& counts, absl::string_view value) {
  uint64_t count = 0;
  counts.ForEach([&](const std::string& each, const Counter& counter) {
    if (each == value) count = counter.value();
  });
  return count;
}

// In all classes.
inline uint64_t Counted(const TimeCounts& times) {
  uint64_t count = 0;
  for (size_t i = 0; i <= TimeCounts::kBounds.size(); ++i) count += times.count(i);
  return count;
}

}  // namespace crisp
