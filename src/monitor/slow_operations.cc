#include "monitor/slow_operations.h"

#include <algorithm>
#include <utility>

#include "base/operations.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "monitor/operations_text.h"

namespace crisp {

absl::StatusOr<std::unique_ptr<SlowOperations>> SlowOperations::Start(std::vector<std::chrono::milliseconds> ages) {
  std::unique_ptr<SlowOperations> watch(new SlowOperations(std::move(ages)));
  Operations::All().SetListener([self = watch.get()] {
    const MutexLock lock(self->mutex_);
    self->busy_ = true;
    self->changed_.NotifyAll();
  });
  ASSIGN_OR_RETURN(watch->thread_, StartThread("slow operations", [self = watch.get()] { self->Watch(); }));
  return watch;
}

SlowOperations::~SlowOperations() {
  Operations::All().SetListener(nullptr);
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void SlowOperations::Watch() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!busy_ && !ending_) changed_.Wait(mutex_);
      if (ending_) return;
      busy_ = false;
    }
    for (MonoTime next = Look(); next != kNoDeadline; next = Look()) {
      MutexLock lock(mutex_);
      while (!ending_ && changed_.WaitUntil(mutex_, next)) {
      }
      if (ending_) return;
    }
  }
}

// An operation that begins meanwhile is due no sooner than after the first age.
MonoTime SlowOperations::Look() {
  const MonoTime now = MonoClock::now();
  MonoTime next = kNoDeadline;
  std::map<uint64_t, size_t> warned;
  for (const OperationView& view : Operations::All().View()) {
    next = std::min(next, now + ages_.front());
    size_t& count = warned[view.id] = warned_[view.id];
    const auto due =
        static_cast<size_t>(std::upper_bound(ages_.begin(), ages_.end(), now - view.begun) - ages_.begin());
    if (due > count) LogSlowOperation(view);
    count = std::max(count, due);
    if (count < ages_.size()) next = std::min(next, view.begun + ages_[count]);
  }
  warned_ = std::move(warned);
  return next;
}

}  // namespace crisp
