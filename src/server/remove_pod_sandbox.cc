#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::RemovePodSandbox(grpc::ServerContext* context, const cri::RemovePodSandboxRequest* in,
                                              cri::RemovePodSandboxResponse*) {
  return Serve({"RemovePodSandbox", LogLevel::kInfo, in->pod_sandbox_id()},
               [&]() -> absl::Status { return pods_->RemovePod(in->pod_sandbox_id(), CallOf(*context)); });
}

}  // namespace crisp
