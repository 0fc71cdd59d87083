#include "monitor/network_families.h"

#include <utility>

#include "monitor/read_values.h"
#include "network/network_counters.h"

namespace crisp {

void AddNetworkFamilies(const NetworkCounters& counters, std::vector<prometheus::MetricFamily>* families) {
  prometheus::MetricFamily times =
      Family("crisp_cni_seconds", "Time of the runs of CNI plugins.", prometheus::MetricType::Histogram);
  prometheus::MetricFamily failures =
      Family("crisp_cni_failures_total", "Runs of CNI plugins that failed, were killed, or could not begin.",
             prometheus::MetricType::Counter);
  counters.plugins.ForEach([&](const std::string& type, const NetworkCounters::Plugin& plugin) {
    plugin.commands.ForEach([&](const std::string& command, const PluginRuns& runs) {
      AddTimes(&times, runs.times, {{"command", command}, {"plugin", type}});
      AddValue(&failures, static_cast<double>(runs.failures.value()), {{"command", command}, {"plugin", type}});
    });
  });
  families->push_back(std::move(times));
  families->push_back(std::move(failures));
}

}  // namespace crisp
