// Waiting for what happens outside of the test, always with a bound. Eventually and LetTimePass are
// base/testing/wait.h's.
#pragma once

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>

#include "base/testing/wait.h"

namespace crisp::e2e {

// Waits until `condition` holds. Throws std::runtime_error that says `what` was waited for if it does not within
// `limit`; GoogleTest reports it as a failure of the test.
inline void WaitFor(const std::string& what, std::chrono::milliseconds limit, const std::function<bool()>& condition) {
  if (!Eventually(condition, limit)) {
    throw std::runtime_error("waited " + std::to_string(limit.count()) + " ms in vain for " + what);
  }
}

}  // namespace crisp::e2e
