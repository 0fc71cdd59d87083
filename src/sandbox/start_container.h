// ContainerStarter: StartContainer. One request to the shim, which has the OCI runtime create and start the container.
//
// Threading: all methods from any thread. A start goes on when its caller has gone, and a repeated call joins it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "base/call_context.h"
#include "base/single_flight.h"
#include "sandbox/pod_table.h"
#include "sandbox/setup.h"
#include "store/layout.h"

namespace crisp {

class EventPublisher;
class Records;
class ShimStopper;
struct SandboxCounters;
struct StartRequest;
struct StartedContainer;

class ContainerStarter {
 public:
  // All pointers must outlive the object.
  ContainerStarter(Layout layout, const PodTable* table, Records* records, EventPublisher* events,
                   const ShimStopper* shim_stopper, SandboxCounters* counters, const SetupSource* setup)
      : layout_(std::move(layout)),
        table_(table),
        records_(records),
        events_(events),
        shim_stopper_(shim_stopper),
        counters_(counters),
        setup_(setup) {}

  // OK if it runs already. FailedPrecondition if it has exited or its pod is not READY. After any other error it is
  // EXITED with the reason StartError; but if the shim did not confirm that the start is undone it stays as it is, and
  // the next start, stop or removal asks the shim what has become of it.
  absl::Status Start(const std::string& container_id, const CallContext& call);

  // Joins a start that an earlier daemon asked the shim for, in the background. The container's gate is taken before
  // this returns, so that a stop waits for the start. The container is in kStarting.
  absl::Status Follow(const PodContainer& found);

 private:
  struct Done {};
  absl::Status StartInGate(const PodContainer& found, const CallContext& call) const;
  StartRequest RequestFor(const Pod& pod, const Container& container) const;
  absl::Status Ask(const PodContainer& found, const CallContext& call) const;
  absl::Status RecordStarted(const PodContainer& found, const StartedContainer& started) const;
  absl::Status RecordFailed(const PodContainer& found, const absl::Status& why) const;

  const Layout layout_;
  const PodTable* const table_;
  Records* const records_;
  EventPublisher* const events_;
  const ShimStopper* const shim_stopper_;
  SandboxCounters* const counters_;
  const SetupSource* const setup_;
  SingleFlight<Done> flights_;  // by container
};

}  // namespace crisp
