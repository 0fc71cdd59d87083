#include "base/status_macros.h"
#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::ListContainerStats(grpc::ServerContext*, const cri::ListContainerStatsRequest* in,
                                                cri::ListContainerStatsResponse* out) {
  return Serve({"ListContainerStats", LogLevel::kDebug, in->filter().id()}, [&]() -> absl::Status {
    for (cri::ContainerStats& stats : pods_->ListContainerStats(in->filter())) *out->add_stats() = std::move(stats);
    return absl::OkStatus();
  });
}

}  // namespace crisp
