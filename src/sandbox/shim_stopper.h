// ShimStopper: the end of a pod's shim, expected or not, and of what it leaves behind.
//
// When a shim dies its containers cannot be watched any more and their output has nowhere to go, so the pod ends with
// it: every process of the pod is killed, and every container that ran has exited with 255, "Unknown".
//
// Threading: all methods from any thread; the pod's shim_gate admits one at a time.
#pragma once

#include "absl/status/status.h"
#include "base/call_context.h"
#include "sandbox/pod_table.h"
#include "store/layout.h"

namespace crisp {

class EventPublisher;
class Records;
class Shims;
struct SandboxCounters;

class ShimStopper {
 public:
  // All pointers must outlive the object.
  ShimStopper(Layout layout, Shims* shims, Records* records, EventPublisher* events, SandboxCounters* counters)
      : layout_(std::move(layout)), shims_(shims), records_(records), events_(events), counters_(counters) {}

  // Ends the shim: asks it to, or kills it if `hangs` says that it does not answer, or if it fails to end. Then cleans
  // up containers that it did not. OK for a pod that has no shim: that only needs the clean-up.
  absl::Status Stop(const PodPtr& pod, bool hangs, const CallContext& call) const;

  // The shim has died. Does nothing if Stop has noticed it first.
  void OnDeath(const PodPtr& pod) const;

  // For a container that counts as running while nobody will report its end any more: takes the end from the exit
  // record, or makes it 255, "Unknown".
  absl::Status EndLostContainer(const PodPtr& pod, const ContainerPtr& container) const;

 private:
  absl::Status CleanUp(const PodPtr& pod, const CallContext& call) const;

  const Layout layout_;
  Shims* const shims_;
  Records* const records_;
  EventPublisher* const events_;
  SandboxCounters* const counters_;
};

}  // namespace crisp
