// StateRpcs: the RPCs that read the state of pods and containers.
//
// Thread-safe; none waits for an operation on a pod. NotFound for an unknown pod or container.
#pragma once

#include "absl/status/status.h"
#include "api/cri/cri.h"

namespace crisp {

class StatusView;

class StateRpcs {
 public:
  // `status` must outlive this.
  explicit StateRpcs(const StatusView* status) : status_(status) {}

  absl::Status PodSandboxStatus(const cri::PodSandboxStatusRequest& request, cri::PodSandboxStatusResponse* response);
  absl::Status ListPodSandbox(const cri::ListPodSandboxRequest& request, cri::ListPodSandboxResponse* response);
  absl::Status ContainerStatus(const cri::ContainerStatusRequest& request, cri::ContainerStatusResponse* response);
  absl::Status ListContainers(const cri::ListContainersRequest& request, cri::ListContainersResponse* response);

 private:
  const StatusView* const status_;
};

}  // namespace crisp
