// The families of src/network: the runs of CNI plugins.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace crisp {

struct NetworkCounters;

void AddNetworkFamilies(const NetworkCounters& counters, std::vector<prometheus::MetricFamily>* families);

}  // namespace crisp
