// Waiting for what happens outside of the test, always with an end.
#pragma once

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

namespace crisp::e2e {

// True as soon as `condition` holds, false if it has not held before the time was up.
inline bool Eventually(std::chrono::milliseconds limit, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// Ends the test with an exception that says `what` was waited for in vain.
inline void WaitFor(const std::string& what, std::chrono::milliseconds limit, const std::function<bool()>& condition) {
  if (!Eventually(limit, condition)) {
    throw std::runtime_error("waited in vain for " + std::to_string(limit.count()) + " ms: " + what);
  }
}

}  // namespace crisp::e2e
