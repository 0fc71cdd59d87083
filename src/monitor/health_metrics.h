// HealthMetrics: whether the node can run pods, and whether crispd is stuck.
//
//   crisp_ready{condition}                      1 or 0: "runtime" and "network", the conditions of CRI's Status
//   crisp_oldest_operation_seconds{operation}   for how long the oldest one has been in flight; 0 if there is none
//
// A check may wait for a file system that hangs, and this is when metrics are wanted most. So checks run on threads of
// their own, each once at a time, and one that does not answer in time is not ready.
#pragma once

#include <prometheus/collectable.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/single_run.h"

namespace crisp {

// Thread-safe if the checks are. The destructor waits for a check that is running.
class HealthMetrics final : public prometheus::Collectable {
 public:
  using Check = std::function<absl::Status()>;  // OK: ready

  static constexpr std::chrono::milliseconds kPatience{1000};

  // A scrape waits for each check for `patience` at most.
  HealthMetrics(Check runtime, Check network, std::chrono::milliseconds patience = kPatience)
      : patience_(patience), runtime_(std::move(runtime)), network_(std::move(network)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  class Condition {
   public:
    explicit Condition(Check check) : check_(std::move(check)) {}
    bool MetBy(MonoTime until);

   private:
    const Check check_;
    std::atomic<bool> met_ = false;         // by the latest answer
    SingleRun run_{"a check for metrics"};  // last: what it runs uses the rest
  };

  const std::chrono::milliseconds patience_;
  mutable Condition runtime_;
  mutable Condition network_;
};

}  // namespace crisp
