#include "base/status_macros.h"
#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::PodSandboxStats(grpc::ServerContext*, const cri::PodSandboxStatsRequest* in,
                                             cri::PodSandboxStatsResponse* out) {
  return Serve({"PodSandboxStats", LogLevel::kDebug, in->pod_sandbox_id()}, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(*out->mutable_stats(), pods_->PodStats(in->pod_sandbox_id()));
    return absl::OkStatus();
  });
}

}  // namespace crisp
