#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::ReopenContainerLog(grpc::ServerContext* context, const cri::ReopenContainerLogRequest* in,
                                                cri::ReopenContainerLogResponse*) {
  return Serve({"ReopenContainerLog", LogLevel::kInfo, in->container_id()},
               [&]() -> absl::Status { return pods_->ReopenLog(in->container_id(), CallOf(*context)); });
}

}  // namespace crisp
