// What a room counts while it works. A room's numbers are a struct of these, named <room>_counters.h; whoever does the
// work has a pointer to it, and src/monitor reads it when Prometheus asks.
//
// Thread-safe. To count costs an atomic addition; CountsByLabel also takes a lock to find the value.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace crisp {

// Only grows.
class Counter {
 public:
  void Add(uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// How long things took, by classes.
class TimeCounts {
 public:
  // Upper bounds of the classes, in seconds. One more class has the rest.
  static constexpr std::array<double, 16> kBounds = {.0005, .001, .0025, .005, .01, .025, .05, .1,
                                                     .25,   .5,   1,     2.5,  5,   10,   60,  300};

  void Add(MonoClock::duration time) {
    const double seconds = std::chrono::duration<double>(time).count();
    size_t i = 0;
    while (i < kBounds.size() && seconds > kBounds[i]) ++i;
    counts_[i].Add();
    nanos_.Add(static_cast<uint64_t>(std::chrono::nanoseconds(time).count()));
  }

  uint64_t count(size_t i) const { return counts_[i].value(); }  // of class `i`, up to and with kBounds.size()
  double seconds() const { return static_cast<double>(nanos_.value()) / 1e9; }  // of all

 private:
  std::array<Counter, kBounds.size() + 1> counts_;
  Counter nanos_;
};

// Counts for each value of a label. Values are taken as they come, up to a limit: those beyond share "other".
template <typename Counts>
class CountsByLabel {
 public:
  // `known` are there before they are counted. `most`: of all values; not less than `known`.
  explicit CountsByLabel(std::initializer_list<const char*> known, size_t most = 0) : most_(most) {
    for (const char* const value : known) counts_.try_emplace(value);
  }

  // Stays as long as the object.
  Counts& Of(absl::string_view value) {
    const MutexLock lock(mutex_);
    if (const auto found = counts_.find(value); found != counts_.end()) return found->second;
    return counts_.try_emplace(counts_.size() < most_ ? std::string(value) : "other").first->second;
  }

  // Calls `each` with the object locked, in the order of the values.
  void ForEach(absl::FunctionRef<void(const std::string& value, const Counts& counts)> each) const {
    const MutexLock lock(mutex_);
    for (const auto& [value, counts] : counts_) each(value, counts);
  }

 private:
  const size_t most_;
  mutable Mutex mutex_;
  std::map<std::string, Counts, std::less<>> counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
