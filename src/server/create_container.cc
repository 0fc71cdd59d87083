#include "base/status_macros.h"
#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::CreateContainer(grpc::ServerContext* context, const cri::CreateContainerRequest* in,
                                             cri::CreateContainerResponse* out) {
  return Serve({"CreateContainer", LogLevel::kInfo, in->config().metadata().name()}, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(std::string id, pods_->CreateContainer(*in, CallOf(*context)));
    out->set_container_id(std::move(id));
    return absl::OkStatus();
  });
}

}  // namespace crisp
