// The families of src/streaming: sessions of exec, attach and port-forward.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace crisp {

struct StreamingCounters;

void AddStreamingFamilies(const StreamingCounters& counters, std::vector<prometheus::MetricFamily>* families);

}  // namespace crisp
