// Reloadable: a value that a reload of the configuration exchanges while others work with it.
//
// An operation takes a snapshot at its beginning, and sees one configuration until its end.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "base/mutex.h"

namespace crisp {

// Thread-safe; what is reached by the pointers is as thread-safe as T.
template <typename T>
class Reloadable {
 public:
  explicit Reloadable(std::shared_ptr<T> value) : value_(std::move(value)) {}

  std::shared_ptr<T> Get() const {
    const MutexLock lock(mutex_);
    return value_;
  }
  void Set(std::shared_ptr<T> value) {
    const MutexLock lock(mutex_);
    value_.swap(value);  // the former one is destroyed without the lock
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<T> value_ ABSL_GUARDED_BY(mutex_);
};

// A room's part of a reload, prepared: all that can fail has been done. Called once, or dropped. Takes no time.
using Commit = std::function<void()>;

}  // namespace crisp
