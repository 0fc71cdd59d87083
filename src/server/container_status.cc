#include "base/status_macros.h"
#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::ContainerStatus(grpc::ServerContext*, const cri::ContainerStatusRequest* in,
                                             cri::ContainerStatusResponse* out) {
  return Serve({"ContainerStatus", LogLevel::kDebug, in->container_id()}, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(*out, pods_->ContainerStatus(in->container_id(), in->verbose()));
    return absl::OkStatus();
  });
}

}  // namespace crisp
