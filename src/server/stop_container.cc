#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::StopContainer(grpc::ServerContext* context, const cri::StopContainerRequest* in,
                                           cri::StopContainerResponse*) {
  return Serve({"StopContainer", LogLevel::kInfo, in->container_id()}, [&]() -> absl::Status {
    return pods_->StopContainer(in->container_id(), in->timeout(), CallOf(*context));
  });
}

}  // namespace crisp
