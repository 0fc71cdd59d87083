// BlockingCalls: runs what may block for a while beside the loop, on a bounded number of threads; what is beyond the
// bound waits its turn.
#pragma once

#include <functional>
#include <queue>

#include "base/background.h"
#include "base/mutex.h"

namespace crisp {

// Thread-safe. The destructor waits until all has been run.
class BlockingCalls {
 public:
  explicit BlockingCalls(int most_threads) : most_threads_(most_threads) {}

  void Run(std::function<void()> work) {
    {
      MutexLock lock(mutex_);
      if (running_ >= most_threads_) {
        waiting_.push(std::move(work));
        return;
      }
      ++running_;
    }
    background_.Run([this, work = std::move(work)]() mutable {
      do {
        work();
        work = nullptr;
      } while (Next(&work));
    });
  }

  // Waits until nothing runs and nothing waits.
  void Wait() {
    MutexLock lock(mutex_);
    while (running_ > 0) idle_.Wait(mutex_);
  }

 private:
  bool Next(std::function<void()>* work) {
    MutexLock lock(mutex_);
    if (waiting_.empty()) {
      if (--running_ == 0) idle_.NotifyAll();
      return false;
    }
    *work = std::move(waiting_.front());
    waiting_.pop();
    return true;
  }

  const int most_threads_;
  Mutex mutex_;
  CondVar idle_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::queue<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  Background background_;  // last: its threads use the rest until it is destroyed
};

}  // namespace crisp
