// OperationTurns: ADDs and DELs of different pods run side by side, a GC runs alone (CNI spec 1.1.0, section 3,
// "Lifecycle & Ordering").
//
// Thread-safe. A turn may be ended on another thread than the one that got it. DeadlineExceeded or Cancelled if `call`
// is over before the turn comes. The object must outlive its turns.
#pragma once

#include <utility>

#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "base/mutex.h"
#include "base/status_macros.h"

namespace crisp {

class OperationTurns {
 public:
  class Turn {
   public:
    Turn(Turn&& other) noexcept : turns_(std::exchange(other.turns_, nullptr)), count_(other.count_) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (turns_ != nullptr) turns_->End(count_);
    }

   private:
    friend class OperationTurns;
    Turn(OperationTurns* turns, int* count) : turns_(turns), count_(count) {}
    OperationTurns* turns_;
    int* count_;  // that it is part of
  };

  // Waits for the end of a GC that runs, but not for one that waits itself.
  absl::StatusOr<Turn> BesideOthers(const CallContext& call) {
    MutexLock lock(mutex_);
    while (alone_ > 0) RETURN_IF_ERROR(WaitForAnEnd(call), "wait for the end of CNI GC");
    ++beside_others_;
    return Turn(this, &beside_others_);
  }

  // Waits until nothing runs.
  absl::StatusOr<Turn> Alone(const CallContext& call) {
    MutexLock lock(mutex_);
    while (alone_ + beside_others_ > 0)
      RETURN_IF_ERROR(WaitForAnEnd(call), "wait for the end of all CNI ADDs and DELs");
    ++alone_;
    return Turn(this, &alone_);
  }

 private:
  absl::Status WaitForAnEnd(const CallContext& call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    RETURN_IF_ERROR(call.Check());
    ended_.WaitUntil(mutex_, call.NextLook());
    return absl::OkStatus();
  }
  void End(int* count) {
    MutexLock lock(mutex_);
    --*count;
    ended_.NotifyAll();
  }

  Mutex mutex_;
  CondVar ended_;
  int beside_others_ ABSL_GUARDED_BY(mutex_) = 0;
  int alone_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace crisp
