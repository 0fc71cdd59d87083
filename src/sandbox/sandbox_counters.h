// SandboxCounters: what becomes of pods, containers and shims. PodManager owns it; those that do the work count.
#pragma once

#include "base/counters.h"

namespace crisp {

struct SandboxCounters {
  Counter pod_starts;        // pods that became READY
  Counter pause_exits;       // READY pods whose pause container exited
  Counter container_starts;  // that clients have seen, or will
  // By reason. An exit that happened while no daemon ran is not counted.
  CountsByLabel<Counter> container_exits{{"Completed", "Error", "OOMKilled", "StartError", "Unknown"}};
  Counter oom_kills;  // processes of containers
  Counter shim_starts;
  Counter shim_deaths;            // that nobody asked for
  Counter shim_reconnects;        // to shims of an earlier daemon
  Counter shim_upgrades;          // in place
  Counter shim_upgrade_failures;  // shims that go on with their old program
  // Commands in containers that were launched, by whom: "native" by the shim alone, "runtime" by the OCI runtime.
  CountsByLabel<Counter> execs{{"native", "runtime"}};
  // Callers that joined a call at work, by operation.
  CountsByLabel<Counter> joined{
      {"RunPodSandbox", "StopPodSandbox", "RemovePodSandbox", "CreateContainer", "StartContainer", "RemoveContainer"}};
};

}  // namespace crisp
