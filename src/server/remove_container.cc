#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::RemoveContainer(grpc::ServerContext* context, const cri::RemoveContainerRequest* in,
                                             cri::RemoveContainerResponse*) {
  return Serve({"RemoveContainer", LogLevel::kInfo, in->container_id()},
               [&]() -> absl::Status { return pods_->RemoveContainer(in->container_id(), CallOf(*context)); });
}

}  // namespace crisp
