#include "images/layer_sweeper.h"

#include <utility>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/thread.h"

namespace crisp {

void LayerSweeper::Schedule() {
  MutexLock lock(mutex_);
  requested_ = true;
  if (stopped_ || running_) return;
  if (thread_.joinable()) thread_.join();  // it has ended: it needs the lock no more
  absl::StatusOr<std::thread> thread = StartThread("layer sweeper", [this] { Run(); });
  if (!thread.ok()) return;
  thread_ = *std::move(thread);
  running_ = true;
}

void LayerSweeper::Run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      const MonoTime until = MonoClock::now() + delay_;
      while (!stopped_ && MonoClock::now() < until) stop_.WaitUntil(mutex_, until);
      if (stopped_) return;
      requested_ = false;
    }
    const bool done = sweep_().ok();
    MutexLock lock(mutex_);
    if (!done || requested_) continue;
    running_ = false;
    return;
  }
}

void LayerSweeper::Stop() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    stop_.NotifyAll();
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

}  // namespace crisp
