// The families of src/sandbox: what has become of pods, containers and shims, and the subscribers of events.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace crisp {

class EventHub;
struct SandboxCounters;

void AddSandboxFamilies(const SandboxCounters& counters, std::vector<prometheus::MetricFamily>* families);
void AddEventFamilies(EventHub& hub, std::vector<prometheus::MetricFamily>* families);

}  // namespace crisp
