// ShimUpgrader: brings the shims that an earlier daemon started to the program that is installed now, in place
// (shim/upgrade.h). Pods do not notice.
//
// It works in the background, once, after a start of the daemon: whoever wants it again restarts crispd. A few shims at
// a time; one that is busy is asked again, up to kRounds times. A shim that cannot be upgraded is logged and counted,
// and goes on with the program that it has, which this daemon understands (shim/protocol.h).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/background.h"
#include "base/call_context.h"
#include "base/mutex.h"
#include "runtime/shim.h"
#include "sandbox/pod_table.h"

namespace crisp {

class Shims;
struct SandboxCounters;

class ShimUpgrader {
 public:
  static constexpr int kAtOnce = 4;
  static constexpr int kRounds = 6;
  // Between two rounds; twice as long each time.
  static constexpr std::chrono::seconds kFirstPause{2};

  // All pointers must outlive the object. `program` is the path of the installed crisp-shim.
  ShimUpgrader(const PodTable* table, Shims* shims, SandboxCounters* counters, std::string program)
      : table_(table), shims_(shims), counters_(counters), program_(std::move(program)) {}
  // Waits for no shim: one that has been asked goes on without this daemon.
  ~ShimUpgrader();
  ShimUpgrader(const ShimUpgrader&) = delete;
  ShimUpgrader& operator=(const ShimUpgrader&) = delete;

  // Begins with the pods that are in the table now, and returns.
  void Begin();

  // For tests, in place of kFirstPause.
  void set_first_pause(std::chrono::nanoseconds pause) { first_pause_ = pause; }

 private:
  using Pods = std::vector<PodPtr>;

  void Run();
  // Returns those that were busy.
  Pods UpgradeAll(const Pods& pods, const ShimProgram& installed, bool last, const CallContext& call);
  // False if it was busy and is to be asked again.
  bool Upgrade(const PodPtr& pod, const ShimProgram& installed, bool last, const CallContext& call);
  // False if the daemon ends.
  bool Pause(std::chrono::nanoseconds time);
  bool ending() const;

  const PodTable* const table_;
  Shims* const shims_;
  SandboxCounters* const counters_;
  const std::string program_;
  std::chrono::nanoseconds first_pause_ = kFirstPause;
  mutable Mutex mutex_;
  CondVar changed_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  Background background_;  // last: its threads use the rest until it is destroyed
};

}  // namespace crisp
