#include "server/pod_rpcs.h"

#include <string>
#include <utility>

#include "base/status_macros.h"
#include "sandbox/pod_manager.h"

namespace crisp {

absl::Status PodRpcs::RunPodSandbox(const cri::RunPodSandboxRequest& request, const CallContext& call,
                                    cri::RunPodSandboxResponse* response) {
  ASSIGN_OR_RETURN(std::string id, pods_->RunPod(request, call));
  response->set_pod_sandbox_id(std::move(id));
  return absl::OkStatus();
}

absl::Status PodRpcs::StopPodSandbox(const cri::StopPodSandboxRequest& request, const CallContext& call,
                                     cri::StopPodSandboxResponse*) {
  return pods_->StopPod(request.pod_sandbox_id(), call);
}

absl::Status PodRpcs::RemovePodSandbox(const cri::RemovePodSandboxRequest& request, const CallContext& call,
                                       cri::RemovePodSandboxResponse*) {
  return pods_->RemovePod(request.pod_sandbox_id(), call);
}

absl::Status PodRpcs::UpdatePodSandboxResources(const cri::UpdatePodSandboxResourcesRequest& request,
                                                const CallContext& call, cri::UpdatePodSandboxResourcesResponse*) {
  return pods_->UpdatePod(request, call);
}

}  // namespace crisp
