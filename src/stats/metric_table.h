// The table of all metrics of pods and containers, under the names, types, units and labels that the kubelet's cAdvisor
// gives them (0.56, in Kubernetes 1.36), so that nobody's dashboards have to change. docs/metrics-cadvisor.md has
// cAdvisor's whole list and says why a name is not here.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "api/cri/cri.h"
#include "stats/metric_facts.h"

namespace crisp {

// What the values that are read count; a metric whose name says seconds is given out in seconds.
enum class MetricUnit : uint64_t {
  kOne = 1,
  kMicroseconds = 1'000'000,
  kNanoseconds = 1'000'000'000,
};

// Takes the values of one metric of one container or pod.
class MetricSink {
 public:
  using Labels = std::initializer_list<absl::string_view>;

  // `take` outlives the sink.
  explicit MetricSink(absl::FunctionRef<void(uint64_t value, Labels own)> take) : take_(take) {}

  // `own` are the values of the metric's own labels, in their order. Nothing happens if there is no value.
  void operator()(const std::optional<uint64_t>& value, Labels own = {}) const {
    if (value) take_(*value, own);
  }

 private:
  absl::FunctionRef<void(uint64_t, Labels)> take_;
};

struct MetricInfo {
  const char* name;
  const char* help;
  cri::MetricType type;
  MetricUnit unit;
  // Gives the sink each value that the facts have.
  void (*read)(const MetricFacts& facts, const MetricSink& put);
  std::array<const char*, 4> labels = {};  // its own, besides those that all have; the rest is null
};

absl::Span<const MetricInfo> MetricTable();

}  // namespace crisp
