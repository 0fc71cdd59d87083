#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

// The kubelet tells the pod CIDR. The network add-on takes its own from the node object, and crisp writes no CNI
// configuration, so there is nothing to do with it.
grpc::Status RuntimeService::UpdateRuntimeConfig(grpc::ServerContext*, const cri::UpdateRuntimeConfigRequest* in,
                                                 cri::UpdateRuntimeConfigResponse*) {
  return Serve({"UpdateRuntimeConfig", LogLevel::kInfo, in->runtime_config().network_config().pod_cidr()},
               [] { return absl::OkStatus(); });
}

}  // namespace crisp
