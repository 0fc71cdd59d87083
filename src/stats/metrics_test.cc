#include "stats/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "stats/testing/full_facts.h"

namespace crisp {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

using Metrics = google::protobuf::RepeatedPtrField<cri::Metric>;

Metrics MetricsOf(const MetricFacts& container) {
  return MetricMessages({{"p", {}, {container}}}).at(0).container_metrics(0).metrics();
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
  for (const cri::Metric& metric : MetricsOf(FullFacts())) {
    written.insert(metric.name());
    EXPECT_EQ(metric.label_values_size(), labels[metric.name()]) << metric.name();
    EXPECT_EQ(metric.timestamp(), 5'000'000'000);
  }
  EXPECT_EQ(written.size(), labels.size()) << "what is described can be written";
}

TEST(MetricsTest, LabelValuesStandInTheOrderOfTheKeys) {
  std::map<std::string, cri::Metric> metrics;
  for (const cri::Metric& metric : MetricsOf(FullFacts())) metrics.emplace(metric.name(), metric);
  EXPECT_THAT(metrics["container_network_receive_bytes_total"].label_values(),
              ElementsAre("web", "/pod/c", "busybox", "cid", "ns", "web-0", "eth0"));
  EXPECT_EQ(metrics["container_network_receive_bytes_total"].value().value(), 77u);
  EXPECT_THAT(metrics["container_fs_usage_bytes"].label_values(),
              ElementsAre("web", "/pod/c", "busybox", "cid", "ns", "web-0", "/dev/sda1"));
  EXPECT_EQ(metrics["container_memory_working_set_bytes"].value().value(), 60u);
  EXPECT_EQ(metrics["container_cpu_usage_seconds_total"].value().value(), 2u) << "whole seconds";
  EXPECT_EQ(metrics["container_cpu_usage_seconds_total"].metric_type(), cri::COUNTER);
  EXPECT_EQ(metrics["container_memory_rss"].metric_type(), cri::GAUGE);
  EXPECT_EQ(metrics["container_file_descriptors"].value().value(), 7u);
  EXPECT_EQ(metrics["container_sockets"].value().value(), 2u);
  EXPECT_THAT(metrics["container_ulimits_soft"].label_values(),
              ElementsAre("web", "/pod/c", "busybox", "cid", "ns", "web-0", "max_open_files"));
  EXPECT_EQ(metrics["container_ulimits_soft"].value().value(), 1024u);
}

TEST(MetricsTest, BlockDevicesAreCountedByOperation) {
  std::map<std::string, uint64_t> bytes;
  for (const cri::Metric& metric : MetricsOf(FullFacts())) {
    if (metric.name() != "container_blkio_device_usage_total") continue;
    ASSERT_EQ(metric.label_values_size(), 10);
    EXPECT_EQ(metric.label_values(7), "1");
    EXPECT_EQ(metric.label_values(8), "0");
    bytes[metric.label_values(9)] = metric.value().value();
  }
  EXPECT_THAT(bytes, ElementsAre(Pair("Read", 10u), Pair("Total", 30u)));
}

// The names in test/e2e_node/container_metrics_test.go of Kubernetes.
TEST(MetricsTest, TheKubeletsOwnTestFindsEveryNameThatItLooksFor) {
  std::set<std::string> described;
  for (const cri::MetricDescriptor& descriptor : MetricDescriptors()) described.insert(descriptor.name());
  for (const char* name : {"blkio_device_usage_total",
                           "cpu_system_seconds_total",
                           "cpu_usage_seconds_total",
                           "cpu_user_seconds_total",
                           "file_descriptors",
                           "fs_reads_bytes_total",
                           "fs_reads_total",
                           "fs_usage_bytes",
                           "fs_writes_bytes_total",
                           "fs_writes_total",
                           "last_seen",
                           "memory_cache",
                           "memory_failcnt",
                           "memory_failures_total",
                           "memory_mapped_file",
                           "memory_max_usage_bytes",
                           "memory_rss",
                           "memory_swap",
                           "memory_usage_bytes",
                           "memory_working_set_bytes",
                           "oom_events_total",
                           "processes",
                           "sockets",
                           "spec_cpu_period",
                           "spec_cpu_shares",
                           "spec_memory_limit_bytes",
                           "spec_memory_reservation_limit_bytes",
                           "spec_memory_swap_limit_bytes",
                           "start_time_seconds",
                           "threads",
                           "threads_max",
                           "ulimits_soft",
                           "fs_io_current",
                           "fs_io_time_seconds_total",
                           "fs_io_time_weighted_seconds_total",
                           "fs_inodes_free",
                           "fs_inodes_total",
                           "fs_limit_bytes",
                           "fs_read_seconds_total",
                           "fs_reads_merged_total",
                           "fs_sector_reads_total",
                           "fs_sector_writes_total",
                           "fs_write_seconds_total",
                           "fs_writes_merged_total",
                           "network_receive_bytes_total",
                           "network_receive_errors_total",
                           "network_receive_packets_dropped_total",
                           "network_receive_packets_total",
                           "network_transmit_bytes_total",
                           "network_transmit_errors_total",
                           "network_transmit_packets_dropped_total",
                           "network_transmit_packets_total"}) {
    EXPECT_EQ(described.count(std::string("container_") + name), 1u) << name;
  }
}

TEST(MetricsTest, WhatWasNotReadIsNotWritten) {
  const Metrics metrics = MetricsOf({});
  ASSERT_EQ(metrics.size(), 1);
  EXPECT_EQ(metrics[0].name(), "container_last_seen");
}

}  // namespace
}  // namespace crisp
