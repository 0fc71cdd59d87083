// The families of src/images: pulls, layers and the requests to registries.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace crisp {

struct ImageCounters;

void AddImageFamilies(const ImageCounters& counters, std::vector<prometheus::MetricFamily>* families);

}  // namespace crisp
