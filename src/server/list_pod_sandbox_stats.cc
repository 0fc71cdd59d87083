#include "base/status_macros.h"
#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::ListPodSandboxStats(grpc::ServerContext*, const cri::ListPodSandboxStatsRequest* in,
                                                 cri::ListPodSandboxStatsResponse* out) {
  return Serve({"ListPodSandboxStats", LogLevel::kDebug, in->filter().id()}, [&]() -> absl::Status {
    for (cri::PodSandboxStats& stats : pods_->ListPodStats(in->filter())) *out->add_stats() = std::move(stats);
    return absl::OkStatus();
  });
}

}  // namespace crisp
