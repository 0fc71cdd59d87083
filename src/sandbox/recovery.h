// Recovery: takes over the pods of an earlier daemon. What the rows say is compared with what is still there.
//
//   creating   undone, as if the request had failed; meanwhile clients do not see it
//   created    its shim is connected to, and starts that are under way are followed; without a shim the pod has ended
//   stopped    likewise, and the pod is not READY; the kubelet's next StopPodSandbox finishes the stop
//   removing   the removal is finished
//
// Threading: Run is called once, before anything else uses the pods. It connects to the shims, in parallel. What takes
// longer, undoing and finishing removals, goes on in the background, so that a plugin or a mount that hangs does not
// hold up the start. The destructor waits for it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/background.h"
#include "runtime/shim.h"
#include "sandbox/pod_table.h"
#include "sandbox/records.h"
#include "sandbox/setup.h"
#include "store/layout.h"

namespace crisp {

class ContainerStarter;
class EventPublisher;
class PodListener;
class ShimStopper;
class Shims;
class Teardown;
struct SandboxCounters;

class Recovery {
 public:
  // All must outlive the object.
  struct Parts {
    Layout layout;
    PodTable* table;
    Records* records;
    EventPublisher* events;
    PodListener* listener;
    const SetupSource* setup;
    Shims* shims;
    const ShimStopper* shim_stopper;
    const Teardown* teardown;
    ContainerStarter* starter;
    SandboxCounters* counters;
    // How many pods of all are taken over; null: nobody asks. Called from several threads at once.
    std::function<void(size_t done, size_t all)> progress;
  };
  explicit Recovery(Parts parts) : parts_(std::move(parts)) {}

  // Fails only if the records cannot be read at all. What goes wrong with a single pod is logged, and the pod is
  // visible as far as it is known.
  absl::Status Run();

 private:
  using StoredContainers = std::vector<StoredContainer>;

  void RecoverPod(const StoredPod& stored, const StoredContainers& containers);
  void Resume(const PodPtr& pod, const ShimContainer* pause) const;
  // Remove what was half made or half removed. A lost container counts as running although the shim does not know it.
  void FinishRemoval(const PodPtr& pod) const;
  void FinishRemoval(const PodPtr& pod, const ContainerPtr& container, bool lost) const;
  PodPtr AddPod(const StoredPod& stored) const;
  // What the shim has; nothing without a shim, or with one that does not answer and is therefore killed.
  std::vector<ShimContainer> Reconnect(const PodPtr& pod) const;
  void RecoverContainer(const PodPtr& pod, const StoredContainer& stored, const ShimContainer* known);
  // The container in the state that the row, the shim and the exit record give it.
  ContainerPtr Rebuild(const StoredContainer& stored, const ShimContainer* known) const;
  // Ends a container that counts as running although the shim does not know it.
  void EndUnknown(const PodPtr& pod, const ContainerPtr& container) const;
  void ResumePod(const PodPtr& pod, const ShimContainer* pause) const;
  void FollowStarts(const PodPtr& pod) const;
  void ReportUnknownDirectories() const;

  const Parts parts_;
  std::unique_ptr<Background> removals_;  // null if nothing was half done
};

}  // namespace crisp
