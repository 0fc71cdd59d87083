#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::ListPodSandbox(grpc::ServerContext*, const cri::ListPodSandboxRequest* in,
                                            cri::ListPodSandboxResponse* out) {
  return Serve({"ListPodSandbox", LogLevel::kDebug, in->filter().id()}, [&]() -> absl::Status {
    for (cri::PodSandbox& pod : pods_->ListPods(in->filter())) *out->add_items() = std::move(pod);
    return absl::OkStatus();
  });
}

}  // namespace crisp
