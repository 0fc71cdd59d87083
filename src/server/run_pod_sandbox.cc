#include "base/status_macros.h"
#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::RunPodSandbox(grpc::ServerContext* context, const cri::RunPodSandboxRequest* in,
                                           cri::RunPodSandboxResponse* out) {
  return Serve({"RunPodSandbox", LogLevel::kInfo, in->config().metadata().name()}, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(std::string id, pods_->RunPod(*in, CallOf(*context)));
    out->set_pod_sandbox_id(std::move(id));
    return absl::OkStatus();
  });
}

}  // namespace crisp
