// Metrics of pods and their containers for ListPodSandboxMetrics.
#pragma once

#include <string>
#include <vector>

#include "api/cri/cri.h"
#include "stats/sampler.h"

namespace crisp {

// `layers_directory` is on the file system of the writable layers. Reads the details of each container by `sampler`.
std::vector<cri::PodSandboxMetrics> MetricsOf(Sampler* sampler, const std::vector<PodSample>& samples,
                                              const std::string& layers_directory);

}  // namespace crisp
