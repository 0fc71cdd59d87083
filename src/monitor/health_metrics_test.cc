#include "monitor/health_metrics.h"

#include <gtest/gtest.h>
#include <prometheus/metric_family.h>

#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <string>

#include "base/step_log.h"

namespace crisp {
namespace {

std::map<std::string, double> ValuesOf(const HealthMetrics& metrics) {
  std::map<std::string, double> values;
  for (const prometheus::MetricFamily& family : metrics.Collect()) {
    for (const prometheus::ClientMetric& metric : family.metric) {
      values[family.name + " " + metric.label.at(0).value] = metric.gauge.value;
    }
  }
  return values;
}

absl::Status Ready() {
  return absl::OkStatus();
}

TEST(HealthMetricsTest, EachConditionIsAskedForAtEachScrape) {
  absl::Status network = absl::UnavailableError("no configuration");
  const HealthMetrics metrics(
      Ready, [&network] { return network; }, std::chrono::minutes(1));
  EXPECT_EQ(ValuesOf(metrics).at("crisp_ready network"), 0);
  EXPECT_EQ(ValuesOf(metrics).at("crisp_ready runtime"), 1);
  network = absl::OkStatus();
  EXPECT_EQ(ValuesOf(metrics).at("crisp_ready network"), 1);
}

TEST(HealthMetricsTest, ACheckThatHangsIsNotReadyAndIsNotBegunAgain) {
  std::promise<void> release;
  std::atomic<int> begun = 0;
  const HealthMetrics metrics(
      [&] {
        ++begun;
        release.get_future().wait();
        return absl::OkStatus();
      },
      Ready, std::chrono::milliseconds(50));
  EXPECT_EQ(ValuesOf(metrics).at("crisp_ready runtime"), 0);
  EXPECT_EQ(ValuesOf(metrics).at("crisp_ready runtime"), 0);
  EXPECT_EQ(begun, 1);
  release.set_value();
}

TEST(HealthMetricsTest, TheOldestOfEachOperationCounts) {
  const HealthMetrics metrics(Ready, Ready);
  EXPECT_EQ(ValuesOf(metrics).at("crisp_oldest_operation_seconds RunPodSandbox"), 0);
  const StepLog old("RunPodSandbox", {}, MonoClock::now() - std::chrono::minutes(10));
  const StepLog young("RunPodSandbox", {});
  EXPECT_GE(ValuesOf(metrics).at("crisp_oldest_operation_seconds RunPodSandbox"), 600);
  EXPECT_EQ(ValuesOf(metrics).at("crisp_oldest_operation_seconds PullImage"), 0);
}

}  // namespace
}  // namespace crisp
