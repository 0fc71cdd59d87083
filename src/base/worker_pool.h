// WorkerPool: runs work that may block, on a bounded number of threads. Work beyond the bound waits its turn. Threads
// exist only while there is work.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <queue>
#include <utility>

#include "base/background.h"
#include "base/mutex.h"

namespace crisp {

// Thread-safe. The destructor waits until all work is done.
class WorkerPool {
 public:
  explicit WorkerPool(int most_threads, size_t most_waiting = std::numeric_limits<size_t>::max())
      : most_threads_(most_threads), most_waiting_(most_waiting) {}

  // For work that must be done, as closing something: neither `most_waiting` nor Stop refuses it.
  void Run(std::function<void()> work) { Add(std::move(work), /*may_refuse=*/false); }

  // False if the work is refused: `most_waiting` wait already, or the pool was stopped.
  bool TryRun(std::function<void()> work) { return Add(std::move(work), /*may_refuse=*/true); }

  // Waits until nothing runs and nothing waits.
  void Wait() {
    const MutexLock lock(mutex_);
    while (running_ > 0) idle_.Wait(mutex_);
  }

  // TryRun refuses all from now on. Waits as Wait does.
  void Stop() {
    {
      const MutexLock lock(mutex_);
      stopped_ = true;
    }
    Wait();
  }

 private:
  bool Add(std::function<void()> work, bool may_refuse) {
    {
      const MutexLock lock(mutex_);
      if (may_refuse && stopped_) return false;
      if (running_ >= most_threads_) {
        if (may_refuse && waiting_.size() >= most_waiting_) return false;
        waiting_.push(std::move(work));
        return true;
      }
      ++running_;
    }
    background_.Run([this, work = std::move(work)]() mutable {
      do {
        work();
        work = nullptr;
      } while (Next(&work));
    });
    return true;
  }

  bool Next(std::function<void()>* work) {
    const MutexLock lock(mutex_);
    if (waiting_.empty()) {
      if (--running_ == 0) idle_.NotifyAll();
      return false;
    }
    *work = std::move(waiting_.front());
    waiting_.pop();
    return true;
  }

  const int most_threads_;
  const size_t most_waiting_;
  Mutex mutex_;
  CondVar idle_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::queue<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  Background background_;  // last: its threads use the rest until it is destroyed
};

}  // namespace crisp
