// The families of operations: those at work, and the requests that joined one.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "base/counters.h"
#include "base/operations.h"

namespace crisp {

// `joined` by operation; `joined_pulls` are those of PullImage.
void AddOperationFamilies(const std::vector<OperationView>& in_flight, const CountsByLabel<Counter>& joined,
                          const Counter& joined_pulls, std::vector<prometheus::MetricFamily>* families);

}  // namespace crisp
