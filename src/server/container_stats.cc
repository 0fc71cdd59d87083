#include "base/status_macros.h"
#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::ContainerStats(grpc::ServerContext*, const cri::ContainerStatsRequest* in,
                                            cri::ContainerStatsResponse* out) {
  return Serve({"ContainerStats", LogLevel::kDebug, in->container_id()}, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(*out->mutable_stats(), pods_->ContainerStats(in->container_id()));
    return absl::OkStatus();
  });
}

}  // namespace crisp
