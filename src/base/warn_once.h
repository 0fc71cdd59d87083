// WarnOnce: warnings about files that are read again and again; each text is logged once.
//
// Thread-safe.
#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "base/log.h"
#include "base/mutex.h"

namespace crisp {

class WarnOnce {
 public:
  // More texts are neither remembered nor logged.
  static constexpr size_t kMost = 1000;

  void Warn(const std::string& text) {
    {
      MutexLock lock(mutex_);
      if (seen_.size() >= kMost || !seen_.insert(text).second) return;
    }
    LogWarning(text);
  }

 private:
  Mutex mutex_;
  std::set<std::string> seen_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
