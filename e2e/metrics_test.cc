// The metrics that the kubelet passes on to Prometheus.
#include <sys/resource.h>

#include <map>
#include <set>

#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

using MetricsTest = NodeTest;

TEST_F(MetricsTest, MetricsHaveTheLabelsOfTheirDescriptors) {
  const PodRef pod = RunPod(PodConfigWithCgroup("metrics"));
  const std::string id = Start(pod, ContainerOf("metrics", "sleep 1000"));
  std::map<std::string, std::vector<std::string>> keys;
  const auto described = Must(cri().Call(&Runtime::ListMetricDescriptors, cri::ListMetricDescriptorsRequest()));
  for (const cri::MetricDescriptor& one : described.descriptors()) {
    keys[one.name()] = {one.label_keys().begin(), one.label_keys().end()};
  }
  const auto answer = Must(cri().Call(&Runtime::ListPodSandboxMetrics, cri::ListPodSandboxMetricsRequest()));
  ASSERT_EQ(answer.pod_metrics_size(), 1);
  EXPECT_EQ(answer.pod_metrics(0).pod_sandbox_id(), pod.id);
  ASSERT_EQ(answer.pod_metrics(0).container_metrics_size(), 1);
  EXPECT_EQ(answer.pod_metrics(0).container_metrics(0).container_id(), id);

  const auto value_of = [&](const cri::Metric& metric, const std::string& key) -> std::string {
    const std::vector<std::string>& names = keys[metric.name()];
    for (int i = 0; i < metric.label_values_size(); ++i) {
      if (names.at(static_cast<size_t>(i)) == key) return metric.label_values(i);
    }
    return "?";
  };
  std::set<std::string> names;
  for (const cri::Metric& metric : answer.pod_metrics(0).container_metrics(0).metrics()) {
    names.insert(metric.name());
    ASSERT_EQ(keys[metric.name()].size(), static_cast<size_t>(metric.label_values_size())) << metric.name();
    EXPECT_EQ(value_of(metric, "container"), "metrics");
    EXPECT_EQ(value_of(metric, "pod"), "metrics");
    EXPECT_EQ(value_of(metric, "namespace"), "e2e");
    EXPECT_EQ(value_of(metric, "name"), id);
    EXPECT_EQ(value_of(metric, "image"), kBusybox);
    EXPECT_THAT(value_of(metric, "id"), EndsWith("/pod-metrics/" + id));
  }
  for (const char* name :
       {"container_cpu_usage_seconds_total", "container_cpu_cfs_periods_total", "container_memory_working_set_bytes",
        "container_memory_rss", "container_memory_failures_total", "container_processes", "container_threads",
        "container_fs_usage_bytes", "container_spec_memory_limit_bytes", "container_oom_events_total",
        "container_start_time_seconds", "container_last_seen", "container_file_descriptors", "container_sockets",
        "container_ulimits_soft", "container_fs_io_current", "container_fs_io_time_seconds_total",
        "container_fs_io_time_weighted_seconds_total"}) {
    EXPECT_THAT(names, Contains(name));
  }
  const auto number = [&](const std::string& name) {
    for (const cri::Metric& metric : answer.pod_metrics(0).container_metrics(0).metrics()) {
      if (metric.name() == name) return metric.value().value();
    }
    return uint64_t{0};
  };
  EXPECT_EQ(number("container_file_descriptors"), 3u) << "of its one process";
  EXPECT_EQ(number("container_sockets"), 0u);
  rlimit limit{};
  ASSERT_EQ(prlimit(PidOf(id), RLIMIT_NOFILE, nullptr, &limit), 0);
  EXPECT_EQ(number("container_ulimits_soft"), limit.rlim_cur);
  std::map<std::string, cri::Metric> of_pod;
  for (const cri::Metric& metric : answer.pod_metrics(0).metrics()) of_pod[metric.name()] = metric;
  const cri::Metric& received = of_pod["container_network_receive_bytes_total"];
  EXPECT_EQ(value_of(received, "interface"), "eth0");
  EXPECT_EQ(value_of(received, "container"), "");
  EXPECT_EQ(value_of(received, "pod"), "metrics");
  EXPECT_GT(received.value().value(), 0u);
}

}  // namespace
}  // namespace crisp::e2e
