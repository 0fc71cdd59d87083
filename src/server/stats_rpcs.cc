#include "server/stats_rpcs.h"

#include <utility>

#include "base/status_macros.h"
#include "stats/metrics.h"
#include "stats/stats.h"

namespace crisp {

absl::Status StatsRpcs::ContainerStats(const cri::ContainerStatsRequest& request,
                                       cri::ContainerStatsResponse* response) {
  ASSIGN_OR_RETURN(*response->mutable_stats(), stats_->OfContainer(request.container_id()));
  return absl::OkStatus();
}

absl::Status StatsRpcs::ListContainerStats(const cri::ListContainerStatsRequest& request,
                                           cri::ListContainerStatsResponse* response) {
  for (cri::ContainerStats& stats : stats_->ListContainers(request.filter())) {
    *response->add_stats() = std::move(stats);
  }
  return absl::OkStatus();
}

absl::Status StatsRpcs::PodSandboxStats(const cri::PodSandboxStatsRequest& request,
                                        cri::PodSandboxStatsResponse* response) {
  ASSIGN_OR_RETURN(*response->mutable_stats(), stats_->OfPod(request.pod_sandbox_id()));
  return absl::OkStatus();
}

absl::Status StatsRpcs::ListPodSandboxStats(const cri::ListPodSandboxStatsRequest& request,
                                            cri::ListPodSandboxStatsResponse* response) {
  for (cri::PodSandboxStats& stats : stats_->ListPods(request.filter())) *response->add_stats() = std::move(stats);
  return absl::OkStatus();
}

absl::Status StatsRpcs::ListMetricDescriptors(const cri::ListMetricDescriptorsRequest&,
                                              cri::ListMetricDescriptorsResponse* response) {
  for (cri::MetricDescriptor& descriptor : MetricDescriptors()) *response->add_descriptors() = std::move(descriptor);
  return absl::OkStatus();
}

absl::Status StatsRpcs::ListPodSandboxMetrics(const cri::ListPodSandboxMetricsRequest&,
                                              cri::ListPodSandboxMetricsResponse* response) {
  for (cri::PodSandboxMetrics& metrics : stats_->ListPodMetrics()) *response->add_pod_metrics() = std::move(metrics);
  return absl::OkStatus();
}

}  // namespace crisp
