// LogLossSlot: what a container's log lacks, as its shim has told last.
//
// Threading: all methods from any thread.
#pragma once

#include <utility>

#include "base/mutex.h"
#include "runtime/shim.h"

namespace crisp {

class LogLossSlot {
 public:
  LogLoss Get() const {
    MutexLock lock(mutex_);
    return loss_;
  }
  // Returns the one before.
  LogLoss Set(LogLoss loss) {
    MutexLock lock(mutex_);
    return std::exchange(loss_, std::move(loss));
  }

 private:
  mutable Mutex mutex_;
  LogLoss loss_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
