// ConfigMetrics: whether the configuration that counts is the one in the file.
//
//   crisp_config_last_reload_successful                  1, or 0 if the last SIGHUP was refused
//   crisp_config_last_reload_success_timestamp_seconds   when the configuration that counts was read
#pragma once

#include <prometheus/collectable.h>

#include <chrono>
#include <functional>
#include <utility>
#include <vector>

namespace crisp {

struct ConfigState {
  bool reloaded = true;  // also before the first reload
  std::chrono::system_clock::time_point applied;
};

// Thread-safe if `state` is.
class ConfigMetrics final : public prometheus::Collectable {
 public:
  explicit ConfigMetrics(std::function<ConfigState()> state) : state_(std::move(state)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::function<ConfigState()> state_;
};

}  // namespace crisp
