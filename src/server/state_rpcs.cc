#include "server/state_rpcs.h"

#include <utility>

#include "base/status_macros.h"
#include "sandbox/pod_manager.h"

namespace crisp {

absl::Status StateRpcs::PodSandboxStatus(const cri::PodSandboxStatusRequest& request,
                                         cri::PodSandboxStatusResponse* response) {
  ASSIGN_OR_RETURN(*response, pods_->PodStatus(request.pod_sandbox_id(), request.verbose()));
  return absl::OkStatus();
}

absl::Status StateRpcs::ListPodSandbox(const cri::ListPodSandboxRequest& request,
                                       cri::ListPodSandboxResponse* response) {
  for (cri::PodSandbox& pod : pods_->ListPods(request.filter())) *response->add_items() = std::move(pod);
  return absl::OkStatus();
}

absl::Status StateRpcs::ContainerStatus(const cri::ContainerStatusRequest& request,
                                        cri::ContainerStatusResponse* response) {
  ASSIGN_OR_RETURN(*response, pods_->ContainerStatus(request.container_id(), request.verbose()));
  return absl::OkStatus();
}

absl::Status StateRpcs::ListContainers(const cri::ListContainersRequest& request,
                                       cri::ListContainersResponse* response) {
  for (cri::Container& container : pods_->ListContainers(request.filter())) {
    *response->add_containers() = std::move(container);
  }
  return absl::OkStatus();
}

}  // namespace crisp
