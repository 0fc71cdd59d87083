#include "stats/stats_message.h"

#include <gtest/gtest.h>

namespace crisp {
namespace {

MeterReading Reading(uint64_t cpu, uint64_t memory) {
  MeterReading reading;
  reading.at = 7;
  reading.usage.cpu_nanos = cpu;
  reading.usage.tasks = 2;
  reading.usage.memory.emplace();
  reading.usage.memory->usage = memory;
  return reading;
}

TEST(StatsMessageTest, WhatIsLeftOfALimitIsAvailable) {
  MeterReading reading = Reading(1, 100);
  reading.usage.memory->inactive_file = 30;
  reading.usage.memory->limit = 1000;
  reading.usage.memory->swap = 5;
  reading.usage.memory->swap_limit = 8;
  cri::ContainerStats stats;
  FillUsage(reading, &stats);
  EXPECT_EQ(stats.memory().working_set_bytes().value(), 70u);
  EXPECT_EQ(stats.memory().available_bytes().value(), 930u);
  EXPECT_EQ(stats.swap().swap_usage_bytes().value(), 5u);
  EXPECT_EQ(stats.swap().swap_available_bytes().value(), 3u);
  EXPECT_FALSE(stats.cpu().has_usage_nano_cores());
}

TEST(StatsMessageTest, WithoutALimitNothingIsSaidOfWhatIsAvailable) {
  cri::ContainerStats stats;
  FillUsage(Reading(1, 100), &stats);
  EXPECT_FALSE(stats.memory().has_available_bytes());
  EXPECT_FALSE(stats.has_swap());
  EXPECT_FALSE(stats.has_io());
}

TEST(StatsMessageTest, MoreThanTheLimitLeavesNothing) {
  MeterReading reading = Reading(1, 2000);
  reading.usage.memory->limit = 1000;
  cri::ContainerStats stats;
  FillUsage(reading, &stats);
  EXPECT_EQ(stats.memory().available_bytes().value(), 0u);
}

TEST(StatsMessageTest, PressureTotalsAreNanoseconds) {
  MeterReading reading = Reading(1, 1);
  reading.usage.cpu_pressure.emplace();
  reading.usage.cpu_pressure->some = {1.5, 0.5, 0.25, 12};
  cri::ContainerStats stats;
  FillUsage(reading, &stats);
  EXPECT_EQ(stats.cpu().psi().some().total(), 12000u);
  EXPECT_DOUBLE_EQ(stats.cpu().psi().some().avg10(), 1.5);
}

TEST(StatsMessageTest, TheInterfaceOfKubernetesStandsApartAndTheLoopbackNowhere) {
  std::vector<LinkReading> links(3);
  links[0].name = "lo";
  links[0].loopback = true;
  links[1].name = "eth0";
  links[1].rx_bytes = 5;
  links[2].name = "eth1";
  cri::NetworkUsage network;
  FillNetwork(links, "eth0", 9, &network);
  EXPECT_EQ(network.default_interface().name(), "eth0");
  EXPECT_EQ(network.default_interface().rx_bytes().value(), 5u);
  ASSERT_EQ(network.interfaces_size(), 1);
  EXPECT_EQ(network.interfaces(0).name(), "eth1");
}

TEST(StatsMessageTest, SumsLeaveOutLimits) {
  MeterReading part = Reading(3, 100);
  part.usage.memory->limit = 1000;
  part.cpu_rate = 9;
  MeterReading sum;
  AddUsage(part, &sum);
  AddUsage(Reading(4, 11), &sum);
  EXPECT_EQ(sum.usage.cpu_nanos, 7u);
  EXPECT_EQ(sum.cpu_rate, 9u);
  EXPECT_EQ(sum.usage.memory->usage, 111u);
  EXPECT_FALSE(sum.usage.memory->limit);
  EXPECT_EQ(sum.usage.tasks, 4u);
  EXPECT_EQ(sum.at, 7);
}

}  // namespace
}  // namespace crisp
