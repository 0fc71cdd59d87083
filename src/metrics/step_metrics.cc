#include "metrics/step_metrics.h"

#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <chrono>
#include <string>

namespace crisp {
namespace {

// A step may be a rename, or the pull of a large layer.
const prometheus::Histogram::BucketBoundaries& Buckets() {
  static const auto* const kBuckets =
      new prometheus::Histogram::BucketBoundaries{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120};
  return *kBuckets;
}

double Seconds(MonoClock::duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

struct StepMetrics::Families {
  explicit Families(prometheus::Registry* registry)
      : operations(prometheus::BuildHistogram()
                       .Name("crisp_operation_seconds")
                       .Help("Time that operations on pods, containers and images took, by their result.")
                       .Register(*registry)),
        steps(prometheus::BuildHistogram()
                  .Name("crisp_operation_step_seconds")
                  .Help("Time that the steps of operations took. Steps of one operation may run side by side.")
                  .Register(*registry)) {}

  prometheus::Family<prometheus::Histogram>& operations;
  prometheus::Family<prometheus::Histogram>& steps;
};

StepMetrics::StepMetrics(prometheus::Registry* registry) : families_(std::make_unique<Families>(registry)) {
  StepLog::SetObserver(this);
}

StepMetrics::~StepMetrics() {
  StepLog::SetObserver(nullptr);
}

void StepMetrics::OnStep(absl::string_view operation, absl::string_view step, MonoClock::duration time) {
  families_->steps.Add({{"operation", std::string(operation)}, {"step", std::string(step)}}, Buckets())
      .Observe(Seconds(time));
}

void StepMetrics::OnEnd(absl::string_view operation, bool ok, MonoClock::duration time) {
  families_->operations.Add({{"operation", std::string(operation)}, {"result", ok ? "ok" : "error"}}, Buckets())
      .Observe(Seconds(time));
}

}  // namespace crisp
