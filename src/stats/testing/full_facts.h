// A container of which everything was read, for tests of how its metrics are given out.
#pragma once

#include <string>

#include "stats/metric_facts.h"

namespace crisp {

// What is not read of a cgroup.
inline void FillOutsideCgroup(MetricFacts* facts) {
  facts->labels = {"web", "/pod/c", "busybox", "cid", "ns", "web-0"};
  facts->at = 5'000'000'000;
  LinkReading link;
  link.name = "eth0";
  link.rx_bytes = 77;
  facts->links = {link};
  facts->processes = ProcessUsage{7, 2};
  facts->descriptor_limit = 1024;
  facts->layer = LayerFacts{{{4096, 2}, 1}, {"/dev/sda1", 1000, 100, 10}};
  facts->limits = LimitFacts{};
  facts->limits->cpu_quota = 5;
  facts->lost = LostOutput{9, 2};
  facts->started_at = 3;
}

inline MetricFacts FullFacts() {
  MetricFacts facts;
  FillOutsideCgroup(&facts);
  CgroupUsage& usage = facts.usage.emplace();
  usage.cpu_nanos = 2'900'000'001;
  usage.memory.emplace();
  usage.memory->usage = 100;
  usage.memory->inactive_file = 40;
  usage.memory->swap = 1;
  usage.tasks = 3;
  usage.cpu_pressure.emplace();
  usage.memory_pressure.emplace();
  usage.io_pressure.emplace();
  usage.cpu_pressure->some.total_micros = 1'000'077;
  CgroupDetails& details = facts.details.emplace();
  details.cpu_user_nanos = details.cpu_system_nanos = details.cpu_throttled_nanos = 1'000'000'000;
  details.cpu_periods = details.cpu_throttled_periods = details.cpu_bursts = details.cpu_burst_nanos = 1;
  details.memory_peak = details.memory_limit_hits = details.kernel_memory = details.oom_kills = 1;
  details.processes = 2;
  CgroupDeviceIo io{1, 0, 10, 20, 30, 40, {{"Read", 10}, {"Total", 30}}, 1, 2, 3, 4};
  facts.devices = {{io, "/dev/ram0", "1", "0"}};
  return facts;
}

}  // namespace crisp
