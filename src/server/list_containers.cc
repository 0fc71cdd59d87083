#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::ListContainers(grpc::ServerContext*, const cri::ListContainersRequest* in,
                                            cri::ListContainersResponse* out) {
  return Serve({"ListContainers", LogLevel::kDebug, in->filter().id()}, [&]() -> absl::Status {
    for (cri::Container& container : pods_->ListContainers(in->filter())) *out->add_containers() = std::move(container);
    return absl::OkStatus();
  });
}

}  // namespace crisp
