#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::StartContainer(grpc::ServerContext* context, const cri::StartContainerRequest* in,
                                            cri::StartContainerResponse*) {
  return Serve({"StartContainer", LogLevel::kInfo, in->container_id()},
               [&]() -> absl::Status { return pods_->StartContainer(in->container_id(), CallOf(*context)); });
}

}  // namespace crisp
