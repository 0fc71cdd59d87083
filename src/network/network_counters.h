// NetworkCounters: the runs of CNI plugins. Network owns it.
#pragma once

#include "base/counters.h"

namespace crisp {

struct PluginRuns {
  TimeCounts times;
  Counter failures;  // of these; and runs that could not begin, which have no time
};

struct NetworkCounters {
  // By the plugin's type, then by CNI_COMMAND. Types come from files, and from the plans of pods.
  struct Plugin {
    CountsByLabel<PluginRuns> commands{{}, 5};
  };
  CountsByLabel<Plugin> plugins{{}, 50};
};

}  // namespace crisp
