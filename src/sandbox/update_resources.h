// ResourceUpdater: UpdateContainerResources and UpdatePodSandboxResources. New limits go into the spec first, then to
// the OCI runtime if the container runs, then into the record; what fails puts back what was there.
//
// Threading: all methods from any thread; each holds the gate of what it updates.
#pragma once

#include "absl/status/status.h"
#include "api/cri/cri.h"
#include "base/call_context.h"
#include "sandbox/pod_table.h"
#include "sandbox/setup.h"
#include "store/layout.h"

namespace crisp {

class Records;

class ResourceUpdater {
 public:
  // All pointers must outlive the object.
  ResourceUpdater(Layout layout, const PodTable* table, Records* records, const SetupSource* setup)
      : layout_(std::move(layout)), table_(table), records_(records), setup_(setup) {}

  // A limit that the request leaves at zero or empty stays as it is. FailedPrecondition for a container that has exited
  // and for a pod that is not READY.
  absl::Status UpdateContainer(const cri::UpdateContainerResourcesRequest& request, const CallContext& call);
  absl::Status UpdatePod(const cri::UpdatePodSandboxResourcesRequest& request, const CallContext& call);

 private:
  absl::Status Apply(const PodContainer& found, const cri::LinuxContainerResources& change, const CallContext& call);
  absl::Status Record(const ContainerPtr& container, const cri::LinuxContainerResources& old_limits,
                      const cri::LinuxContainerResources& limits);

  const Layout layout_;
  const PodTable* const table_;
  Records* const records_;
  const SetupSource* const setup_;
};

}  // namespace crisp
