// Gate: admits one operation on an object at a time. Unlike a lock it may be held while the operation waits for
// processes or storage, and a caller that waits for it gives up when its own call ends.
//
// Thread-safe. A Pass may be released on another thread than the one that got it.
#pragma once

#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "base/mutex.h"
#include "base/status_macros.h"

namespace crisp {

class Gate {
 public:
  class Pass {
   public:
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (gate_ != nullptr) gate_->Leave();
    }

   private:
    friend class Gate;
    explicit Pass(Gate* gate) : gate_(gate) {}
    Gate* gate_;
  };

  // Waits until the gate is free. DeadlineExceeded or Cancelled when `call` is over. The gate must outlive the pass.
  absl::StatusOr<Pass> Enter(const CallContext& call) {
    MutexLock lock(mutex_);
    while (busy_) {
      RETURN_IF_ERROR(call.Check(), "wait for the operation before this one");
      left_.WaitUntil(mutex_, call.NextLook());
    }
    busy_ = true;
    return Pass(this);
  }

  // Nothing if somebody holds the gate.
  std::optional<Pass> TryEnter() {
    MutexLock lock(mutex_);
    if (busy_) return std::nullopt;
    busy_ = true;
    return Pass(this);
  }

 private:
  void Leave() {
    MutexLock lock(mutex_);
    busy_ = false;
    left_.NotifyOne();
  }

  Mutex mutex_;
  CondVar left_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace crisp
