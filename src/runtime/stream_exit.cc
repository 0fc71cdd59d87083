#include "runtime/stream_exit.h"

#include <utility>

namespace crisp {

void StreamExit::Set(absl::StatusOr<int> result) {
  MutexLock lock(mutex_);
  if (result_.has_value()) return;
  result_ = std::move(result);
  NotifyLocked();
}

void StreamExit::OnSet(Callback callback) {
  MutexLock lock(mutex_);
  if (forgotten_) return;
  callback_ = std::move(callback);
  if (result_.has_value()) NotifyLocked();
}

void StreamExit::NotifyLocked() {
  if (!callback_) return;
  Callback callback = std::exchange(callback_, nullptr);
  const absl::StatusOr<int> result = *result_;
  notifying_ = std::this_thread::get_id();
  mutex_.Unlock();
  callback(result);
  callback = nullptr;  // its captures are destroyed before Forget returns
  mutex_.Lock();
  notifying_.reset();
  notified_.NotifyAll();
}

void StreamExit::Forget() {
  MutexLock lock(mutex_);
  forgotten_ = true;
  callback_ = nullptr;
  while (notifying_.has_value() && *notifying_ != std::this_thread::get_id()) notified_.Wait(mutex_);
}

}  // namespace crisp
