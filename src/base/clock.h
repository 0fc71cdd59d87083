// The two clocks. Time-outs are measured on the monotonic one; times that a person or the kubelet reads are wall-clock
// nanoseconds since 1970, the unit of every int64 time of CRI.
#pragma once

#include <chrono>
#include <cstdint>

namespace crisp {

using MonoClock = std::chrono::steady_clock;
using MonoTime = MonoClock::time_point;

inline constexpr MonoTime kNoDeadline = MonoTime::max();

inline int64_t WallNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace crisp
