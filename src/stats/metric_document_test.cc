// Holds docs/metrics-cadvisor.md against what is given out.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "os/cgroup_reader.h"
#include "os/file.h"
#include "os/testing/test_dir.h"
#include "stats/metric_text.h"
#include "stats/testing/full_facts.h"

namespace crisp {
namespace {

using testing::Contains;
using testing::IsSupersetOf;
using testing::Key;

// All metrics in metrics/prometheus.go and metrics/prometheus_machine.go of cAdvisor 0.56.2.
constexpr char kNamesOfCadvisor[] = R"(
cadvisor_version_info container_blkio_device_usage_total container_cpu_cfs_burst_periods_total
container_cpu_cfs_burst_seconds_total container_cpu_cfs_periods_total container_cpu_cfs_throttled_periods_total
container_cpu_cfs_throttled_seconds_total container_cpu_load_average_10s container_cpu_load_d_average_10s
container_cpu_schedstat_run_periods_total container_cpu_schedstat_run_seconds_total
container_cpu_schedstat_runqueue_seconds_total container_cpu_system_seconds_total
container_cpu_usage_seconds_total container_cpu_user_seconds_total container_file_descriptors
container_fs_inodes_free container_fs_inodes_total container_fs_io_cost_indebt_seconds_total
container_fs_io_cost_indelay_seconds_total container_fs_io_cost_usage_seconds_total
container_fs_io_cost_wait_seconds_total container_fs_io_current container_fs_io_time_seconds_total
container_fs_io_time_weighted_seconds_total container_fs_limit_bytes container_fs_read_seconds_total
container_fs_reads_bytes_total container_fs_reads_merged_total container_fs_reads_total
container_fs_sector_reads_total container_fs_sector_writes_total container_fs_usage_bytes
container_fs_write_seconds_total container_fs_writes_bytes_total container_fs_writes_merged_total
container_fs_writes_total container_health_state container_hugetlb_failcnt container_hugetlb_max_usage_bytes
container_hugetlb_usage_bytes container_last_seen container_llc_occupancy_bytes container_memory_bandwidth_bytes
container_memory_bandwidth_local_bytes container_memory_cache container_memory_failcnt
container_memory_failures_total container_memory_kernel_usage container_memory_mapped_file
container_memory_max_usage_bytes container_memory_migrate container_memory_numa_pages container_memory_rss
container_memory_swap container_memory_total_active_file_bytes container_memory_total_inactive_file_bytes
container_memory_usage_bytes container_memory_working_set_bytes container_network_advance_tcp_stats_total
container_network_receive_bytes_total container_network_receive_errors_total
container_network_receive_packets_dropped_total container_network_receive_packets_total
container_network_tcp6_usage_total container_network_tcp_usage_total container_network_transmit_bytes_total
container_network_transmit_errors_total container_network_transmit_packets_dropped_total
container_network_transmit_packets_total container_network_udp6_usage_total container_network_udp_usage_total
container_oom_events_total container_perf_events_scaling_ratio container_perf_events_total
container_perf_uncore_events_scaling_ratio container_perf_uncore_events_total
container_pressure_cpu_stalled_seconds_total container_pressure_cpu_waiting_seconds_total
container_pressure_io_stalled_seconds_total container_pressure_io_waiting_seconds_total
container_pressure_memory_stalled_seconds_total container_pressure_memory_waiting_seconds_total
container_processes container_referenced_bytes container_scrape_error container_sockets
container_spec_cpu_period container_spec_cpu_quota container_spec_cpu_shares container_spec_memory_limit_bytes
container_spec_memory_reservation_limit_bytes container_spec_memory_swap_limit_bytes
container_start_time_seconds container_tasks_state container_threads container_threads_max
container_ulimits_soft machine_cpu_books machine_cpu_cache_capacity_bytes machine_cpu_cores machine_cpu_drawers
machine_cpu_physical_cores machine_cpu_sockets machine_dimm_capacity_bytes machine_dimm_count
machine_memory_bytes machine_node_distance machine_node_hugepages_count machine_node_memory_capacity_bytes
machine_nvm_avg_power_budget_watts machine_nvm_capacity machine_swap_bytes machine_thread_siblings_count)";

// The files of a cgroup as a kernel with everything would show them.
struct FileText {
  const char* name;
  const char* text;
};
constexpr FileText kVersion1[] = {
    {"cpuacct/cpuacct.usage", "5\n"},
    {"cpuacct/cpuacct.usage_user", "3\n"},
    {"cpuacct/cpuacct.usage_sys", "2\n"},
    {"cpu/cpu.stat", "nr_periods 1\nnr_throttled 2\nthrottled_time 3\nnr_bursts 4\nburst_time 5\n"},
    {"memory/memory.usage_in_bytes", "5000\n"},
    {"memory/memory.stat", "hierarchical_memory_limit 8192\nhierarchical_memsw_limit 10240\ntotal_swap 70\n"},
    {"memory/memory.max_usage_in_bytes", "6000\n"},
    {"memory/memory.failcnt", "1\n"},
    {"memory/memory.kmem.usage_in_bytes", "7\n"},
    {"memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"},
    {"memory/cgroup.procs", "1\n"},
    {"pids/pids.current", "1\n"},
    {"pids/pids.max", "max\n"},
    {"blkio/blkio.throttle.io_service_bytes_recursive", "8:0 Read 4096\n8:0 Write 512\n"},
    {"blkio/blkio.throttle.io_serviced_recursive", "8:0 Read 2\n8:0 Write 1\n"},
};
constexpr char kPressure[] = "some avg10=0.00 avg60=0.00 avg300=0.00 total=7\nfull avg10=0.00 total=5\n";
constexpr FileText kVersion2[] = {
    {"cpu.stat",
     "usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 9\nnr_throttled 4\nthrottled_usec 7\nnr_bursts 1\n"
     "burst_usec 2\n"},
    {"memory.current", "5000\n"},
    {"memory.peak", "6000\n"},
    {"memory.swap.current", "10\n"},
    {"memory.stat", "anon 2000\nfile 900\nkernel 33\n"},
    {"memory.events", "max 12\noom_kill 2\n"},
    {"pids.current", "3\n"},
    {"pids.max", "max\n"},
    {"cgroup.procs", "12\n13\n"},
    {"io.stat", "8:0 rbytes=4096 wbytes=512 rios=2 wios=1 cost.usage=1 cost.wait=2 cost.indebt=3 cost.indelay=4\n"},
    {"cpu.pressure", kPressure},
    {"memory.pressure", kPressure},
    {"io.pressure", kPressure},
};

std::vector<std::string> WordsOf(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
}

struct Row {
  std::string v1, v2, remark;
};

// The rows of the document's tables, by name.
std::map<std::string, Row> RowsOf(absl::string_view document) {
  std::map<std::string, Row> rows;
  for (absl::string_view line : absl::StrSplit(document, '\n')) {
    if (!absl::ConsumePrefix(&line, "| `")) continue;
    const std::vector<std::string> cells = absl::StrSplit(line, absl::MaxSplits(" | ", 3));
    if (cells.size() != 4) {
      ADD_FAILURE() << line;
      continue;
    }
    const std::string name(absl::StripSuffix(cells[0], "`"));
    const std::string remark(absl::StripAsciiWhitespace(absl::StripSuffix(cells[3], "|")));
    EXPECT_TRUE(rows.emplace(name, Row{cells[1], cells[2], remark}).second) << name << " is there twice";
  }
  return rows;
}

class MetricDocumentTest : public testing::Test {
 protected:
  template <size_t kCount>
  void Write(const FileText (&files)[kCount], const std::string& directory) {
    for (const FileText& file : files) {
      const std::string path = absl::StrCat(directory, "/", file.name);
      ASSERT_TRUE(MakeDirs(path.substr(0, path.rfind('/')), 0755).ok());
      ASSERT_TRUE(WriteFileAt(AT_FDCWD, path, file.text, 0644).ok());
    }
  }

  // The names that are given out of a container whose cgroup is `dirs`.
  static std::set<std::string> NamesIn(const cgroup::Dirs& dirs) {
    CgroupReader reader(dirs);
    MetricFacts facts;
    FillOutsideCgroup(&facts);
    facts.usage = reader.Read();
    facts.details = reader.ReadDetails();
    for (const CgroupDeviceIo& io : facts.details->io) facts.devices.push_back({io, "/dev/sda", "8", "0"});
    std::string text;
    AppendMetricText({{"p", {}, {facts}}}, &text);
    std::set<std::string> names;
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      if (absl::ConsumePrefix(&line, "# TYPE ")) names.emplace(line.substr(0, line.find(' ')));
    }
    return names;
  }
  std::set<std::string> NamesOnVersion1() {
    Write(kVersion1, dir_.path());
    cgroup::Dirs dirs;
    for (const char* name : {"cpu", "cpuacct", "memory", "pids", "blkio"}) {
      dirs.push_back({dir_.Path(name), name, false});
    }
    return NamesIn(dirs);
  }
  std::set<std::string> NamesOnVersion2() {
    Write(kVersion2, dir_.Path("c"));
    return NamesIn({{dir_.Path("c"), "", true}});
  }

  const TestDir dir_;
  const std::string document_ = *ReadFileAt(AT_FDCWD, CRISP_CADVISOR_DOCUMENT, 1 << 20);
  const std::map<std::string, Row> rows_ = RowsOf(document_);
};

TEST_F(MetricDocumentTest, EveryNameOfCadvisorHasARow) {
  for (const std::string& name : WordsOf(kNamesOfCadvisor)) EXPECT_THAT(rows_, Contains(Key(name)));
}

TEST_F(MetricDocumentTest, WhatIsNotGivenOutHasAReason) {
  for (const auto& [name, row] : rows_) {
    const bool everywhere = row.v1 == "yes" && row.v2 == "yes";
    EXPECT_TRUE(everywhere || !row.remark.empty()) << name;
  }
}

TEST_F(MetricDocumentTest, TheTableSaysWhatIsGivenOutOnBothCgroupVersions) {
  const std::set<std::string> v1 = NamesOnVersion1(), v2 = NamesOnVersion2();
  for (const auto& [name, row] : rows_) {
    EXPECT_EQ(row.v1, v1.count(name) == 1 ? "yes" : "no") << name << " on cgroup v1";
    EXPECT_EQ(row.v2, v2.count(name) == 1 ? "yes" : "no") << name << " on cgroup v2";
  }
  std::set<std::string> described;
  for (const auto& [name, row] : rows_) described.insert(name);
  EXPECT_THAT(described, IsSupersetOf(v1));
  EXPECT_THAT(described, IsSupersetOf(v2));
}

}  // namespace
}  // namespace crisp
