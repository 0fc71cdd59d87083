// HealthMetrics: whether the node can run pods, and whether crispd is stuck.
//
//   crisp_ready{condition}                      1 or 0: "runtime" and "network", the conditions of CRI's Status
//   crisp_oldest_operation_seconds{operation}   for how long the oldest one has been in flight; 0 if there is none
//
// A check may wait for a file system that hangs, and this is when metrics are wanted most. So checks run on threads of
// their own, each once at a time, and one that does not answer in time is not ready.
#pragma once

#include <prometheus/collectable.h>

#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/background.h"
#include "base/mutex.h"

namespace crisp {

// Thread-safe if the checks are. The destructor waits for a check that is running.
class HealthMetrics final : public prometheus::Collectable {
 public:
  using Check = std::function<absl::Status()>;  // OK: ready

  static constexpr std::chrono::milliseconds kPatience{1000};

  // A scrape waits for each check for `patience` at most.
  HealthMetrics(Check runtime, Check network, std::chrono::milliseconds patience = kPatience)
      : patience_(patience), runtime_{std::move(runtime)}, network_{std::move(network)} {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct Condition {
    const Check check;
    bool running = false;
    bool met = false;  // by the latest answer
  };

  bool Met(Condition* condition) const;
  void Ask(Condition* condition) const;

  const std::chrono::milliseconds patience_;
  mutable Mutex mutex_;
  mutable CondVar answered_;
  mutable Condition runtime_;  // its state, and that of the next one, only with the mutex
  mutable Condition network_;
  mutable Background background_;  // last: the destructor waits for it first
};

}  // namespace crisp
