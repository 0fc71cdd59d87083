#include "monitor/sandbox_families.h"

#include "monitor/read_values.h"
#include "sandbox/event_hub.h"
#include "sandbox/sandbox_counters.h"

namespace crisp {

void AddSandboxFamilies(const SandboxCounters& counters, std::vector<prometheus::MetricFamily>* families) {
  families->push_back(Count("crisp_pod_starts_total", "Pods that became ready.", counters.pod_starts));
  families->push_back(
      Count("crisp_pause_exits_total", "Pods that ended because their pause container exited.", counters.pause_exits));
  families->push_back(
      Count("crisp_container_starts_total", "Containers that were started.", counters.container_starts));
  families->push_back(
      CountBy("reason", "crisp_container_exits_total", "Containers that exited.", counters.container_exits));
  families->push_back(Count("crisp_container_oom_kills_total", "Processes of containers that the OOM killer killed.",
                            counters.oom_kills));
  families->push_back(CountBy("how", "crisp_execs_total",
                              "Commands that were launched in containers: by the shim alone (native), or by the OCI "
                              "runtime (runtime).",
                              counters.execs));
  families->push_back(Count("crisp_shim_starts_total", "Shims that were started.", counters.shim_starts));
  families->push_back(Count("crisp_shim_deaths_total", "Shims that ended without being told to; their pods end too.",
                            counters.shim_deaths));
  families->push_back(Count("crisp_shim_reconnects_total", "Shims of an earlier crispd that were taken over.",
                            counters.shim_reconnects));
  families->push_back(
      Count("crisp_shim_upgrades_total", "Shims whose program was replaced in place.", counters.shim_upgrades));
  families->push_back(Count("crisp_shim_upgrade_failures_total",
                            "Shims that could not be upgraded and go on with their old program.",
                            counters.shim_upgrade_failures));
}

void AddEventFamilies(EventHub& hub, std::vector<prometheus::MetricFamily>* families) {
  families->push_back(Gauge("crisp_event_subscribers", "Clients that receive container events.",
                            static_cast<double>(hub.subscribers())));
  families->push_back(Count("crisp_events_sent_total",
                            "Container events queued for subscribers, once for each of them.", hub.counters().sent));
  families->push_back(Count("crisp_event_subscribers_dropped_total",
                            "Subscribers that read too slowly and lost their subscription.", hub.counters().dropped));
}

}  // namespace crisp
