#include "stats/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace crisp {
namespace {

using ::testing::ElementsAre;

// Everything that can be written.
MetricWriter::Target Everything() {
  MetricWriter::Target target;
  MetricWriter writer({"web", "/pod/c", "busybox", "cid", "ns", "web-0"}, 5'000'000'000, &target);
  CgroupUsage usage;
  usage.cpu_nanos = 2'900'000'000;
  usage.memory.emplace();
  usage.memory->usage = 100;
  usage.memory->inactive_file = 40;
  usage.memory->swap = 1;
  usage.tasks = 3;
  usage.cpu_pressure.emplace();
  usage.memory_pressure.emplace();
  usage.io_pressure.emplace();
  writer.AddUsage(usage);
  CgroupDetails details;
  details.cpu_user_nanos = details.cpu_system_nanos = details.cpu_throttled_nanos = 1'000'000'000;
  details.cpu_periods = details.cpu_throttled_periods = 1;
  details.memory_peak = details.memory_limit_hits = details.kernel_memory = details.oom_kills = 1;
  details.processes = 2;
  details.io.push_back({1, 0, 10, 20, 30, 40});
  writer.AddDetails(details);
  LinkReading loopback;
  loopback.name = "lo";
  loopback.loopback = true;
  LinkReading link;
  link.name = "eth0";
  link.rx_bytes = 77;
  writer.AddLinks({loopback, link});
  writer.AddLayer({{4096, 2}, 1}, {"/dev/sda1", 1000, 100, 10});
  cri::LinuxContainerResources limits;
  limits.set_cpu_quota(5);
  writer.AddLimits(limits);
  writer.Add(MetricId::kLogLostBytes, 9);
  writer.Add(MetricId::kLogLostLines, 2);
  writer.Add(MetricId::kStartTime, 3);
  writer.Add(MetricId::kLastSeen, 5);
  return target;
}

TEST(MetricsTest, EachHasTheLabelsOfItsDescriptor) {
  std::map<std::string, int> labels;
  for (const cri::MetricDescriptor& descriptor : MetricDescriptors()) {
    EXPECT_TRUE(labels.emplace(descriptor.name(), descriptor.label_keys_size()).second) << descriptor.name();
    EXPECT_FALSE(descriptor.help().empty());
    EXPECT_EQ(descriptor.label_keys(0), "container");
    EXPECT_EQ(descriptor.label_keys(5), "pod");
  }
  std::set<std::string> written;
  for (const cri::Metric& metric : Everything()) {
    written.insert(metric.name());
    EXPECT_EQ(metric.label_values_size(), labels[metric.name()]) << metric.name();
    EXPECT_EQ(metric.timestamp(), 5'000'000'000);
  }
  EXPECT_EQ(written.size(), labels.size()) << "what is described can be written";
}

TEST(MetricsTest, LabelValuesStandInTheOrderOfTheKeys) {
  std::map<std::string, cri::Metric> metrics;
  for (const cri::Metric& metric : Everything()) metrics.emplace(metric.name(), metric);
  EXPECT_THAT(metrics["container_network_receive_bytes_total"].label_values(),
              ElementsAre("web", "/pod/c", "busybox", "cid", "ns", "web-0", "eth0"));
  EXPECT_EQ(metrics["container_network_receive_bytes_total"].value().value(), 77u);
  EXPECT_THAT(metrics["container_fs_usage_bytes"].label_values(),
              ElementsAre("web", "/pod/c", "busybox", "cid", "ns", "web-0", "/dev/sda1"));
  EXPECT_EQ(metrics["container_memory_working_set_bytes"].value().value(), 60u);
  EXPECT_EQ(metrics["container_cpu_usage_seconds_total"].value().value(), 2u) << "whole seconds";
  EXPECT_EQ(metrics["container_cpu_usage_seconds_total"].metric_type(), cri::COUNTER);
  EXPECT_EQ(metrics["container_memory_rss"].metric_type(), cri::GAUGE);
}

TEST(MetricsTest, WhatWasNotReadIsNotWritten) {
  MetricWriter::Target target;
  MetricWriter writer({}, 1, &target);
  writer.AddUsage({});
  EXPECT_TRUE(target.empty());
}

TEST(FileSystemTest, TellsItsSize) {
  const LayerFileSystem file_system = FileSystemOf("/");
  EXPECT_FALSE(file_system.device.empty());
  EXPECT_GT(file_system.bytes, 0u);
  EXPECT_EQ(FileSystemOf("/no/such/directory").bytes, 0u);
}

}  // namespace
}  // namespace crisp
