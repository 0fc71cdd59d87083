// Gate: lets one transition of an object in at a time. It is not a lock: a transition may wait for the world while it
// is inside, and one that waits outside leaves when its caller does.
#pragma once

#include <utility>

#include "absl/status/statusor.h"
#include "base/call.h"
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

  // Waits until nobody else is inside. The gate must outlive the pass.
  absl::StatusOr<Pass> Enter(const Call& call) {
    MutexLock lock(mutex_);
    while (busy_) {
      RETURN_IF_ERROR(call.Check(), "wait for the operation before this one");
      left_.WaitUntil(mutex_, call.NextLook());
    }
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
