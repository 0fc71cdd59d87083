#include "server/state_rpcs.h"

#include <utility>

#include "base/status_macros.h"
#include "stats/status_view.h"

namespace crisp {

absl::Status StateRpcs::PodSandboxStatus(const cri::PodSandboxStatusRequest& request,
                                         cri::PodSandboxStatusResponse* response) {
  ASSIGN_OR_RETURN(*response, status_->OfPod(request.pod_sandbox_id(), request.verbose()));
  return absl::OkStatus();
}

absl::Status StateRpcs::ListPodSandbox(const cri::ListPodSandboxRequest& request,
                                       cri::ListPodSandboxResponse* response) {
  for (cri::PodSandbox& pod : status_->ListPods(request.filter())) *response->add_items() = std::move(pod);
  return absl::OkStatus();
}

absl::Status StateRpcs::ContainerStatus(const cri::ContainerStatusRequest& request,
                                        cri::ContainerStatusResponse* response) {
  ASSIGN_OR_RETURN(*response, status_->OfContainer(request.container_id(), request.verbose()));
  return absl::OkStatus();
}

absl::Status StateRpcs::ListContainers(const cri::ListContainersRequest& request,
                                       cri::ListContainersResponse* response) {
  for (cri::Container& container : status_->ListContainers(request.filter())) {
    *response->add_containers() = std::move(container);
  }
  return absl::OkStatus();
}

}  // namespace crisp
