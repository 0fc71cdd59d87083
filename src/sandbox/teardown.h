// Teardown: takes pods and containers away. A failed creation, StopPodSandbox, the removals and the start of a daemon
// that finds something half done all call the same functions, so that what a crash leaves behind is what a test of a
// removal covers.
//
// Each function works through its steps in order. A step is content when its part is not there. The steps of StopPod
// are all tried even if one fails; those of a removal end at the first failure, since nothing may be deleted below a
// mount that is still there. Every function can be called again until it returns OK.
//
// Threading: all methods from any thread; the caller holds the gate of the pod or container that it names.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "base/call_context.h"
#include "sandbox/pod_table.h"
#include "store/layout.h"

namespace crisp {

class ContainerKiller;
class ContainerMounts;
class EventPublisher;
class Images;
class PodNetwork;
class PodObserver;
class Records;
class ShimStopper;
class Shims;

class Teardown {
 public:
  // All must outlive the object.
  struct Parts {
    Layout layout;
    PodTable* table;
    Records* records;
    EventPublisher* events;
    Images* images;
    Shims* shims;
    const PodNetwork* network;
    const ContainerMounts* mounts;
    const ContainerKiller* killer;
    const ShimStopper* shim_stopper;
    PodObserver* observer;
  };
  explicit Teardown(Parts parts) : parts_(std::move(parts)) {}

  // Afterwards no process of the pod runs, it has no shim, and its network is gone.
  absl::Status StopPod(const PodPtr& pod, const CallContext& call) const;
  // Stops the pod, then removes everything of it and its containers, and the pod from the table.
  absl::Status RemovePod(const PodPtr& pod, const CallContext& call) const;
  // Ends the container and removes everything of it.
  absl::Status RemoveContainer(const PodPtr& pod, const ContainerPtr& container, const CallContext& call) const;

 private:
  absl::Status WaitForStarts(const Pod& pod, const CallContext& call) const;
  absl::Status EndProcesses(const PodPtr& pod, const CallContext& call) const;
  absl::Status RemoveContainers(const PodPtr& pod, const CallContext& call) const;
  absl::Status ReleasePodMounts(const Pod& pod) const;
  absl::Status RemovePodFiles(const Pod& pod) const;
  absl::Status DeleteInShim(const PodPtr& pod, const ContainerPtr& container, const CallContext& call) const;
  absl::Status RemoveContainerResources(const PodPtr& pod, const ContainerPtr& container,
                                        const CallContext& call) const;

  const Parts parts_;
};

}  // namespace crisp
