// ShimSlot: the daemon's connection to a pod's shim, as long as there is one.
//
// Threading: all methods from any thread. Drop may wait for a callback of the connection that is running.
#pragma once

#include <memory>
#include <utility>

#include "base/mutex.h"
#include "runtime/shim.h"

namespace crisp {

class ShimSlot {
 public:
  // Null when there is none, or no longer.
  std::shared_ptr<Shim> Get() const {
    MutexLock lock(mutex_);
    return shim_;
  }
  void Set(std::shared_ptr<Shim> shim) {
    MutexLock lock(mutex_);
    shim_ = std::move(shim);
  }
  // Closing the connection waits for a callback that may want the lock: `shim` is destroyed after `lock`.
  void Drop() {
    std::shared_ptr<Shim> shim;
    MutexLock lock(mutex_);
    shim.swap(shim_);
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<Shim> shim_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
