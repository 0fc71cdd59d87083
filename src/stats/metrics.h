// Metrics of pods and containers as CRI's messages, for ListPodSandboxMetrics. Values are whole numbers there: seconds
// are cut. A metric's label values stand in the order of its descriptor.
#pragma once

#include <vector>

#include "api/cri/cri.h"
#include "stats/metric_facts.h"

namespace crisp {

std::vector<cri::MetricDescriptor> MetricDescriptors();

std::vector<cri::PodSandboxMetrics> MetricMessages(const std::vector<PodMetricFacts>& pods);

}  // namespace crisp
