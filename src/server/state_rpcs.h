// StateRpcs: the RPCs that read the state of pods and containers.
//
// Thread-safe; none waits for an operation on a pod. NotFound for an unknown pod or container.
#pragma once

#include "absl/status/status.h"
#include "api/cri/cri.h"

namespace crisp {

class PodManager;

class StateRpcs {
 public:
  // `pods` must outlive this.
  explicit StateRpcs(PodManager* pods) : pods_(pods) {}

  absl::Status PodSandboxStatus(const cri::PodSandboxStatusRequest& request, cri::PodSandboxStatusResponse* response);
  absl::Status ListPodSandbox(const cri::ListPodSandboxRequest& request, cri::ListPodSandboxResponse* response);
  absl::Status ContainerStatus(const cri::ContainerStatusRequest& request, cri::ContainerStatusResponse* response);
  absl::Status ListContainers(const cri::ListContainersRequest& request, cri::ListContainersResponse* response);

 private:
  PodManager* const pods_;
};

}  // namespace crisp
