// SingleRun: work that may hang, on a thread of its own and once at a time. Callers wait for it as long as they like.
//
// Thread-safe. Nothing runs while nobody asks.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread.h"

namespace crisp {

class SingleRun {
 public:
  // `what` the work is for: the beginning of the thread's name.
  explicit SingleRun(std::string what) : what_(std::move(what)) {}
  // Waits for work that runs.
  ~SingleRun() {
    std::thread last;
    {
      const MutexLock lock(mutex_);
      last = std::move(thread_);
    }
    if (last.joinable()) last.join();
  }
  SingleRun(const SingleRun&) = delete;
  SingleRun& operator=(const SingleRun&) = delete;

  // Begins `work`, or joins what an earlier call has begun, and waits for its end until `until`. False if it has not
  // ended by then, or if there was no thread for it.
  bool RunUntil(MonoTime until, std::function<void()> work) {
    const MutexLock lock(mutex_);
    if (!running_ && !Begin(std::move(work))) return false;
    while (running_ && ended_.WaitUntil(mutex_, until)) {
    }
    return !running_;
  }

 private:
  bool Begin(std::function<void()> work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (thread_.joinable()) thread_.join();  // its work has ended
    auto thread = StartThread(what_, [this, work = std::move(work)] {
      work();
      const MutexLock lock(mutex_);
      running_ = false;
      ended_.NotifyAll();
    });
    if (!thread.ok()) return false;
    thread_ = *std::move(thread);
    running_ = true;
    return true;
  }

  const std::string what_;
  Mutex mutex_;
  CondVar ended_;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);  // the latest
};

}  // namespace crisp
