#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::StopPodSandbox(grpc::ServerContext* context, const cri::StopPodSandboxRequest* in,
                                            cri::StopPodSandboxResponse*) {
  return Serve({"StopPodSandbox", LogLevel::kInfo, in->pod_sandbox_id()},
               [&]() -> absl::Status { return pods_->StopPod(in->pod_sandbox_id(), CallOf(*context)); });
}

}  // namespace crisp
