#include "runtime/stream_end.h"

#include <utility>

namespace crisp {

void StreamEnd::Set(absl::StatusOr<int> how) {
  MutexLock lock(mutex_);
  if (how_.has_value()) return;
  how_ = std::move(how);
  TellLocked();
}

void StreamEnd::OnSet(Callback told) {
  MutexLock lock(mutex_);
  if (forgotten_) return;
  callback_ = std::move(told);
  if (how_.has_value()) TellLocked();
}

void StreamEnd::TellLocked() {
  if (!callback_) return;
  Callback callback = std::exchange(callback_, nullptr);
  const absl::StatusOr<int> how = *how_;
  telling_ = std::this_thread::get_id();
  mutex_.Unlock();
  callback(how);
  callback = nullptr;  // what it holds is let go before anybody is told that it is done
  mutex_.Lock();
  telling_.reset();
  told_.NotifyAll();
}

void StreamEnd::Forget() {
  MutexLock lock(mutex_);
  forgotten_ = true;
  callback_ = nullptr;
  while (telling_.has_value() && *telling_ != std::this_thread::get_id()) told_.Wait(mutex_);
}

}  // namespace crisp
