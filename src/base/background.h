// Background: work that nobody waits for, each on a thread of its own. The destructor waits until all of it is done.
//
// Nothing is lost when threads run out: one thread is kept in reserve from the start, and runs, one after the other,
// what got none of its own. If there was no thread even for the reserve, that work is run by the destructor.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <utility>

#include "base/mutex.h"
#include "base/thread.h"

namespace crisp {

// Thread-safe. Run never runs the work itself, so it may be called under locks that the work takes.
class Background {
 public:
  Background() {
    if (auto reserve = StartThread("background work", [this] { RunThreadless(); }); reserve.ok()) {
      reserve_ = *std::move(reserve);
    }
  }
  ~Background() {
    {
      MutexLock lock(mutex_);
      ending_ = true;
      changed_.NotifyAll();
    }
    if (reserve_.joinable()) {
      reserve_.join();
    } else {
      RunThreadless();
    }
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void Run(std::function<void()> work) {
    {
      MutexLock lock(mutex_);
      ++unfinished_;
      waiting_.push_back(std::move(work));
    }
    if (auto thread = StartThread("background work", [this] { RunNext(); }); thread.ok()) {
      thread->detach();
      return;
    }
    MutexLock lock(mutex_);
    ++threadless_;
    changed_.NotifyAll();
  }

 private:
  // One for each that was handed in, whichever of them comes first.
  void RunNext() {
    std::function<void()> work;
    {
      MutexLock lock(mutex_);
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
    work = nullptr;  // what it holds is let go before anybody is told that it is done
    MutexLock lock(mutex_);
    if (--unfinished_ == 0) changed_.NotifyAll();
  }

  // Until the end, when all is done.
  void RunThreadless() {
    while (true) {
      {
        MutexLock lock(mutex_);
        while (threadless_ == 0 && !(ending_ && unfinished_ == 0)) changed_.Wait(mutex_);
        if (threadless_ == 0) return;
        --threadless_;
      }
      RunNext();
    }
  }

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  int unfinished_ ABSL_GUARDED_BY(mutex_) = 0;  // waiting and running
  int threadless_ ABSL_GUARDED_BY(mutex_) = 0;  // of those that wait
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread reserve_;  // last: it uses the rest
};

}  // namespace crisp
