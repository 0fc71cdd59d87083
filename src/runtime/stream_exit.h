// StreamExit: the result of a stream, set once and passed once to a callback.
//
// Threading: all methods from any thread. The callback runs without a lock, on the thread that calls Set, or inside
// OnSet if the result is there already. It may destroy anything but this object: the caller of Set or OnSet must hold a
// reference to it.
#pragma once

#include <functional>
#include <optional>
#include <thread>

#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace crisp {

class StreamExit {
 public:
  using Callback = std::function<void(absl::StatusOr<int>)>;

  // Only the first counts.
  void Set(absl::StatusOr<int> result);
  void OnSet(Callback callback);
  // After it has returned the callback is not running and will not run. From inside the callback it returns at once.
  void Forget();

 private:
  void NotifyLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  CondVar notified_;
  std::optional<absl::StatusOr<int>> result_ ABSL_GUARDED_BY(mutex_);
  Callback callback_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::thread::id> notifying_ ABSL_GUARDED_BY(mutex_);
  bool forgotten_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace crisp
