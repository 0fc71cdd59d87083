#include "base/status_macros.h"
#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::ListPodSandboxMetrics(grpc::ServerContext*, const cri::ListPodSandboxMetricsRequest*,
                                                   cri::ListPodSandboxMetricsResponse* out) {
  return Serve({"ListPodSandboxMetrics", LogLevel::kDebug, ""}, [&]() -> absl::Status {
    for (cri::PodSandboxMetrics& metrics : pods_->ListPodMetrics()) *out->add_pod_metrics() = std::move(metrics);
    return absl::OkStatus();
  });
}

}  // namespace crisp
