// Metrics of pods and containers as Prometheus reads them (its text format, version 0.0.4): the rows of
// stats/metric_table.h, with the whole resolution that they are read in.
//
// Labels are those of cAdvisor that do not name one run of a container: namespace, pod, container and image, each left
// out where it is empty, and the metric's own. `id` and `name` (cgroup and container id) would be a new series for each
// restart. Where that leaves two with the same labels, which the kubelet never makes, the younger one is given out.
//
// Written here and not by prometheus-cpp: a node with 200 pods has 30,000 series, of which the labels of each container
// are the same in all.
#pragma once

#include <string>
#include <vector>

#include "stats/metric_facts.h"

namespace crisp {

// `pods` and their containers are in the order of their age, oldest first. Appends to `text`.
void AppendMetricText(const std::vector<PodMetricFacts>& pods, std::string* text);

}  // namespace crisp
