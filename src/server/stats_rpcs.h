// StatsRpcs: the RPCs that measure what pods and containers use.
//
// Thread-safe. NotFound for an unknown pod or container.
#pragma once

#include "absl/status/status.h"
#include "api/cri/cri.h"

namespace crisp {

class Stats;

class StatsRpcs {
 public:
  // `stats` must outlive this.
  explicit StatsRpcs(const Stats* stats) : stats_(stats) {}

  absl::Status ContainerStats(const cri::ContainerStatsRequest& request, cri::ContainerStatsResponse* response);
  absl::Status ListContainerStats(const cri::ListContainerStatsRequest& request,
                                  cri::ListContainerStatsResponse* response);
  absl::Status PodSandboxStats(const cri::PodSandboxStatsRequest& request, cri::PodSandboxStatsResponse* response);
  absl::Status ListPodSandboxStats(const cri::ListPodSandboxStatsRequest& request,
                                   cri::ListPodSandboxStatsResponse* response);
  absl::Status ListMetricDescriptors(const cri::ListMetricDescriptorsRequest& request,
                                     cri::ListMetricDescriptorsResponse* response);
  absl::Status ListPodSandboxMetrics(const cri::ListPodSandboxMetricsRequest& request,
                                     cri::ListPodSandboxMetricsResponse* response);

 private:
  const Stats* const stats_;
};

}  // namespace crisp
