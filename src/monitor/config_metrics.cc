#include "monitor/config_metrics.h"

#include "monitor/read_values.h"

namespace crisp {

std::vector<prometheus::MetricFamily> ConfigMetrics::Collect() const {
  const ConfigState state = state_();
  return {Gauge("crisp_config_last_reload_successful",
                "Whether the configuration could be read again when that was last asked for.", state.reloaded ? 1 : 0),
          Gauge("crisp_config_last_reload_success_timestamp_seconds",
                "When the configuration that counts was read, in Unix time.",
                std::chrono::duration<double>(state.applied.time_since_epoch()).count())};
}

}  // namespace crisp
