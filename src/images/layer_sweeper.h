// LayerSweeper: calls a function some time after it was asked to, and again until it succeeds. There is a thread only
// from the first request until then.
//
// Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "absl/status/status.h"
#include "base/mutex.h"

namespace crisp {

class LayerSweeper {
 public:
  LayerSweeper(std::chrono::nanoseconds delay, std::function<absl::Status()> sweep)
      : delay_(delay), sweep_(std::move(sweep)) {}
  ~LayerSweeper() { Stop(); }
  LayerSweeper(const LayerSweeper&) = delete;
  LayerSweeper& operator=(const LayerSweeper&) = delete;

  // Makes sure that a call begins, about `delay` from now. If no thread can be had, the next request makes up for it.
  void Schedule();
  // Waits for the call under way. No other begins after it.
  void Stop();

 private:
  void Run();

  const std::chrono::nanoseconds delay_;
  const std::function<absl::Status()> sweep_;

  Mutex mutex_;
  CondVar stop_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  bool requested_ ABSL_GUARDED_BY(mutex_) = false;  // since the last call began
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
