#include "monitor/operation_families.h"

#include <map>
#include <string>
#include <utility>

#include "monitor/read_values.h"

namespace crisp {
namespace {

prometheus::MetricFamily InFlight(const std::vector<OperationView>& operations) {
  prometheus::MetricFamily family =
      Family("crisp_operations_in_flight", "Operations at work now, by the step that each has finished last.",
             prometheus::MetricType::Gauge);
  std::map<std::pair<std::string, std::string>, int> counts;
  for (const OperationView& view : operations) {
    ++counts[{view.operation, view.last_step.empty() ? "begin" : view.last_step}];
  }
  for (const auto& [what, count] : counts) {
    AddValue(&family, count, {{"operation", what.first}, {"stage", what.second}});
  }
  return family;
}

}  // namespace

void AddOperationFamilies(const std::vector<OperationView>& in_flight, const CountsByLabel<Counter>& joined,
                          const Counter& joined_pulls, std::vector<prometheus::MetricFamily>* families) {
  families->push_back(InFlight(in_flight));
  prometheus::MetricFamily family =
      CountBy("operation", "crisp_operations_joined_total",
              "Repeated requests that joined the operation at work for the same object.", joined);
  AddValue(&family, static_cast<double>(joined_pulls.value()), {{"operation", "PullImage"}});
  families->push_back(std::move(family));
}

}  // namespace crisp
