#include "monitor/node_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/metric_family.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "os/testing/test_dir.h"
#include "sandbox/testing/fake_images.h"
#include "sandbox/testing/steps.h"
#include "stats/sampler.h"
#include "stats/stats.h"
#include "stats/testing/made_pods.h"

namespace crisp {
namespace {

// By name and label.
std::map<std::string, double> ValuesOf(const prometheus::Collectable& source) {
  std::map<std::string, double> values;
  for (const prometheus::MetricFamily& family : source.Collect()) {
    for (const prometheus::ClientMetric& metric : family.metric) {
      std::string name = family.name;
      for (const auto& label : metric.label) absl::StrAppend(&name, " ", label.value);
      values[name] = metric.gauge.value;
    }
  }
  return values;
}

TEST(NodeMetricsTest, PodsAndContainersAreCountedByState) {
  const TestDir dir;
  const Layout layout(dir.Path("root"), dir.Path("state"), true);
  MadePods made;
  Steps steps;
  FakeImages images(layout, &steps);
  Sampler sampler(made.table(), layout);
  const Stats stats(layout, made.table(), &sampler);
  const NodeMetrics metrics(made.table(), &stats, &images);
  std::map<std::string, double> values = ValuesOf(metrics);
  EXPECT_EQ(values.at("crisp_pods ready"), 0);
  EXPECT_EQ(values.at("crisp_containers running"), 0);
  EXPECT_EQ(values.at("crisp_images"), static_cast<double>(images.List().size()));

  const PodPtr pod = made.AddPod("p");
  made.AddPod("q", 2, Pod::State::kStopped);
  made.AddPod("hidden", 3, Pod::State::kCreating);
  made.AddContainer(pod, "a");
  made.AddContainer(pod, "b");
  made.AddContainer(pod, "c", 1, Container::State::kExited);
  made.AddContainer(pod, "d", 1, Container::State::kCreated);
  values = ValuesOf(metrics);
  EXPECT_EQ(values.at("crisp_pods ready"), 1);
  EXPECT_EQ(values.at("crisp_pods notready"), 1);
  EXPECT_EQ(values.at("crisp_containers created"), 1);
  EXPECT_EQ(values.at("crisp_containers running"), 2);
  EXPECT_EQ(values.at("crisp_containers exited"), 1);
}

}  // namespace
}  // namespace crisp
