// Stopper: StopContainer, StopPodSandbox and the removals as clients call them.
//
// Threading: all methods from any thread. A removal and a stop of a pod go on when their caller has gone, and a
// repeated call joins them. All are OK for what does not exist.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "base/call_context.h"
#include "base/log.h"
#include "base/single_flight.h"
#include "sandbox/pod_table.h"

namespace crisp {

class ContainerKiller;
class Gate;
class Teardown;
struct SandboxCounters;

class Stopper {
 public:
  // All pointers must outlive the object.
  Stopper(const PodTable* table, const ContainerKiller* killer, const Teardown* teardown, SandboxCounters* counters)
      : table_(table), killer_(killer), teardown_(teardown), counters_(counters) {}

  // `grace` is in seconds; 0 or less kills at once. The stop signal is sent once in the life of a container: a repeated
  // call waits for its own grace and then kills. A start that is in progress ends first.
  absl::Status StopContainer(const std::string& container_id, int64_t grace, const CallContext& call);
  absl::Status RemoveContainer(const std::string& container_id, const CallContext& call);
  absl::Status StopPod(const std::string& pod_id, const CallContext& call);
  absl::Status RemovePod(const std::string& pod_id, const CallContext& call);

 private:
  struct Done {};
  absl::Status StopAfterStart(const PodContainer& found, int64_t grace, const CallContext& call) const;
  using PodStep = absl::Status (Teardown::*)(const PodPtr&, const CallContext&) const;
  absl::Status DoOnPod(const std::string& operation, const std::string& verb, PodStep step, const std::string& pod_id,
                       const CallContext& call);
  // Runs `work` inside `gate`, which `work` keeps alive; joins a run of the same `what`.
  absl::Status Do(const std::string& operation, const std::string& what, OwnedLogFields log_fields, Gate* gate,
                  std::function<absl::Status(const CallContext&)> work, const CallContext& call);

  const PodTable* const table_;
  const ContainerKiller* const killer_;
  const Teardown* const teardown_;
  SandboxCounters* const counters_;
  SingleFlight<Done> flights_;  // by verb, kind and id
};

}  // namespace crisp
