#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::UpdateContainerResources(grpc::ServerContext* context,
                                                      const cri::UpdateContainerResourcesRequest* in,
                                                      cri::UpdateContainerResourcesResponse*) {
  return Serve({"UpdateContainerResources", LogLevel::kInfo, in->container_id()},
               [&]() -> absl::Status { return pods_->UpdateContainer(*in, CallOf(*context)); });
}

}  // namespace crisp
