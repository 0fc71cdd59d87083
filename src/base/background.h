// Background: work that nobody waits for, each on a thread of its own. The destructor waits until all of it is done.
#pragma once

#include <functional>
#include <thread>
#include <utility>

#include "base/mutex.h"

namespace crisp {

// Thread-safe.
class Background {
 public:
  Background() = default;
  ~Background() {
    MutexLock lock(mutex_);
    while (running_ > 0) done_.Wait(mutex_);
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void Run(std::function<void()> work) {
    {
      MutexLock lock(mutex_);
      ++running_;
    }
    std::thread([this, work = std::move(work)]() mutable {
      work();
      work = nullptr;  // what it holds is let go before anybody is told that it is done
      MutexLock lock(mutex_);
      if (--running_ == 0) done_.NotifyAll();
    }).detach();
  }

 private:
  Mutex mutex_;
  CondVar done_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace crisp
