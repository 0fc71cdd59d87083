// ContainerKiller: ends the processes of containers.
//
// Threading: all methods from any thread.
// Errors: Unavailable if the pod has no shim or it is gone, DeadlineExceeded if the shim does not answer or the time of
// `call` is up; in both cases nobody reports how the containers end. Internal, with the process' state, for a process
// that does not die.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "base/call_context.h"
#include "sandbox/pod_table.h"

namespace crisp {

class EventPublisher;
class Records;
class Shim;

class ContainerKiller {
 public:
  // All pointers must outlive the object.
  ContainerKiller(Records* records, EventPublisher* events) : records_(records), events_(events) {}

  // SIGKILL for all processes of those that run, and waits until their exits are known.
  absl::Status KillAndWait(const PodPtr& pod, const std::vector<ContainerPtr>& containers,
                           const CallContext& call) const;

  // The same for one container. If the shim is gone, waits for the clean-up that its death has set off.
  absl::Status End(const PodPtr& pod, const ContainerPtr& container, const CallContext& call) const;

  // Sends the stop signal of the container, unless it was sent before, and gives it `grace` seconds; then as End.
  absl::Status Stop(const PodPtr& pod, const ContainerPtr& container, int64_t grace, const CallContext& call) const;

 private:
  // Does nothing if it was sent before, also by an earlier daemon.
  absl::Status SendStopSignal(const PodPtr& pod, const ContainerPtr& container, const CallContext& call) const;
  absl::Status Kill(const PodPtr& pod, const ContainerPtr& container, const CallContext& call) const;
  // Finds out what became of a start whose answer never came (Container::State::kStarting).
  absl::Status SettleStart(Shim& shim, const PodPtr& pod, const ContainerPtr& container, const CallContext& call) const;

  Records* const records_;
  EventPublisher* const events_;
};

}  // namespace crisp
