#include "base/status_macros.h"
#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::PodSandboxStatus(grpc::ServerContext*, const cri::PodSandboxStatusRequest* in,
                                              cri::PodSandboxStatusResponse* out) {
  return Serve({"PodSandboxStatus", LogLevel::kDebug, in->pod_sandbox_id()}, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(*out, pods_->PodStatus(in->pod_sandbox_id(), in->verbose()));
    return absl::OkStatus();
  });
}

}  // namespace crisp
