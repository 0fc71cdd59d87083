#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::UpdatePodSandboxResources(grpc::ServerContext* context,
                                                       const cri::UpdatePodSandboxResourcesRequest* in,
                                                       cri::UpdatePodSandboxResourcesResponse*) {
  return Serve({"UpdatePodSandboxResources", LogLevel::kInfo, in->pod_sandbox_id()},
               [&]() -> absl::Status { return pods_->UpdatePod(*in, CallOf(*context)); });
}

}  // namespace crisp
