// StreamEnd: how a stream has ended; set once, by any thread, and told once to whoever asked.
//
// Threading: all methods from any thread. The callback runs without a lock, on the thread that sets the end, or on that
// which asks if the end is known by then; it may destroy anything but this object, which the caller of Set or OnSet
// holds.
#pragma once

#include <functional>
#include <optional>
#include <thread>

#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace crisp {

class StreamEnd {
 public:
  using Callback = std::function<void(absl::StatusOr<int>)>;

  // Only the first counts.
  void Set(absl::StatusOr<int> how);
  void OnSet(Callback told);
  // After it has returned the callback is not running and will not run. From inside the callback it returns at once.
  void Forget();

 private:
  void TellLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  CondVar told_;
  std::optional<absl::StatusOr<int>> how_ ABSL_GUARDED_BY(mutex_);
  Callback callback_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::thread::id> telling_ ABSL_GUARDED_BY(mutex_);
  bool forgotten_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace crisp
