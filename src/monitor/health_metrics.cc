#include "monitor/health_metrics.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/operations.h"
#include "monitor/read_values.h"

namespace crisp {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

// An operation of these that nothing is doing is 0, and not absent.
constexpr const char* kAlwaysThere[] = {"RunPodSandbox", "CreateContainer", "StartContainer",
                                        "StopContainer", "StopPodSandbox",  "PullImage"};

MetricFamily OldestOperations() {
  const MonoTime now = MonoClock::now();
  std::map<std::string, double> ages;
  for (const char* name : kAlwaysThere) ages[name] = 0;
  for (const OperationView& operation : Operations::All().View()) {
    double& age = ages[operation.operation];
    age = std::max(age, std::chrono::duration<double>(now - operation.begun).count());
  }
  MetricFamily family = Family("crisp_oldest_operation_seconds",
                               "For how long the oldest operation has been in flight.", MetricType::Gauge);
  for (const auto& [name, age] : ages) AddValue(&family, age, {{"operation", name}});
  return family;
}

}  // namespace

bool HealthMetrics::Condition::MetBy(MonoTime until) {
  return run_.RunUntil(until, [this] { met_ = check_().ok(); }) && met_;
}

std::vector<MetricFamily> HealthMetrics::Collect() const {
  MetricFamily ready = Family("crisp_ready", "Whether a condition of CRI's Status is met.", MetricType::Gauge);
  AddValue(&ready, runtime_.MetBy(MonoClock::now() + patience_) ? 1 : 0, {{"condition", "runtime"}});
  AddValue(&ready, network_.MetBy(MonoClock::now() + patience_) ? 1 : 0, {{"condition", "network"}});
  return {ready, OldestOperations()};
}

}  // namespace crisp
