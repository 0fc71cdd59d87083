// Waiting in tests. A test waits for a condition, with a bound; where time itself must pass it says so by name.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace crisp {

// Returns true as soon as `condition` holds, false if it does not within `limit`. Looks every 5 ms.
inline bool Eventually(const std::function<bool()>& condition,
                       std::chrono::milliseconds limit = std::chrono::seconds(10)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// Returns false as soon as `condition` does not hold, true if it holds for all of `time`.
inline bool Throughout(std::chrono::milliseconds time, const std::function<bool()>& condition) {
  return !Eventually([&] { return !condition(); }, time);
}

// For a test that is about time: a timer that must run out, an interval that is measured, a moment that is varied. A
// test that waits for something to happen calls Eventually.
inline void LetTimePass(std::chrono::nanoseconds time) {
  std::this_thread::sleep_for(time);
}

}  // namespace crisp
