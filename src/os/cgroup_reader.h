// CgroupReader: reads the kernel's statistics of one cgroup, on v1, v2 and the hybrid of both.
//
// Ownership: keeps the files open after the first reading, so that a reading costs one pread(2) per file. Open files do
//   not keep the cgroup: it can be removed, and reads then fail (ENODEV).
// Threading: one thread at a time.
// Errors: none. A number that cannot be read is absent: no such controller, no such file in this kernel, cgroup gone.
//
// Facts: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/{memory,cpuacct,pids,blkio-controller}.rst of Linux. The
// formats of the files have not changed since Linux 4.15. Those of io.cost are in block/blk-iocost.c.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/cgroup_core.h"
#include "os/fd.h"

namespace crisp {

// Memory of a cgroup and its descendants, in bytes.
struct CgroupMemory {
  uint64_t usage = 0;
  uint64_t inactive_file = 0;
  uint64_t active_file = 0;
  uint64_t rss = 0;  // anonymous memory, with the swap cache
  uint64_t file = 0;
  uint64_t mapped_file = 0;
  uint64_t page_faults = 0;
  uint64_t major_page_faults = 0;
  std::optional<uint64_t> limit;  // absent: none. On v1 the lowest of the cgroup and its ancestors, on v2 its own.
  std::optional<uint64_t> swap;   // absent: the kernel does not count it
  std::optional<uint64_t> swap_limit;

  // Memory that cannot be reclaimed easily: usage without inactive file pages, as the kubelet's eviction defines it.
  uint64_t WorkingSet() const { return usage > inactive_file ? usage - inactive_file : 0; }
};

// Pressure stall information of one resource (Documentation/accounting/psi.rst).
struct CgroupPressure {
  struct Share {
    double avg10 = 0;  // percent of the time, over 10 seconds
    double avg60 = 0;
    double avg300 = 0;
    uint64_t total_micros = 0;
  };
  Share some;
  Share full;
};

struct CgroupUsage {
  std::optional<uint64_t> cpu_nanos;  // since the cgroup was created
  std::optional<CgroupMemory> memory;
  std::optional<uint64_t> tasks;               // threads
  std::optional<CgroupPressure> cpu_pressure;  // v2 only
  std::optional<CgroupPressure> memory_pressure;
  std::optional<CgroupPressure> io_pressure;
};

// I/O of a cgroup on one block device.
struct CgroupDeviceIo {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint64_t read_bytes = 0;
  uint64_t written_bytes = 0;
  uint64_t reads = 0;
  uint64_t writes = 0;
  // Bytes by operation, with the names of v1: Read and Write, and on v1 itself also Sync, Async, Discard and Total.
  std::vector<std::pair<std::string, uint64_t>> bytes;
  // What the controller io.cost counts, in microseconds; v2 only, the last three only with blkcg_debug_stats.
  std::optional<uint64_t> cost_usage_micros;
  std::optional<uint64_t> cost_wait_micros;
  std::optional<uint64_t> cost_debt_micros;
  std::optional<uint64_t> cost_delay_micros;
};

// Further numbers, which only metrics show.
struct CgroupDetails {
  std::optional<uint64_t> cpu_user_nanos;
  std::optional<uint64_t> cpu_system_nanos;
  std::optional<uint64_t> cpu_periods;
  std::optional<uint64_t> cpu_throttled_periods;
  std::optional<uint64_t> cpu_throttled_nanos;
  std::optional<uint64_t> cpu_bursts;  // since Linux 5.16, as the next one
  std::optional<uint64_t> cpu_burst_nanos;
  std::optional<uint64_t> memory_peak;
  std::optional<uint64_t> memory_limit_hits;
  std::optional<uint64_t> kernel_memory;
  std::optional<uint64_t> oom_kills;
  std::optional<uint64_t> processes;  // of the cgroup itself, without descendants
  std::vector<pid_t> pids;            // of these processes, in the caller's pid namespace
  std::optional<uint64_t> tasks_limit;
  std::vector<CgroupDeviceIo> io;
};

class CgroupReader {
 public:
  // `dirs` as ContainerCgroups gives them (os/cgroup.h). Opens nothing yet.
  explicit CgroupReader(const cgroup::Dirs& dirs);

  CgroupUsage Read();
  CgroupDetails ReadDetails();

 private:
  class File {
   public:
    File() = default;
    explicit File(std::string path) : path_(std::move(path)) {}
    // The whole content, valid until the same thread reads again; nothing if there is no such file.
    std::optional<std::string_view> Read();

   private:
    std::string path_;  // empty: the cgroup has no such file
    Fd fd_;
  };

  std::optional<CgroupMemory> ReadMemoryV1();
  std::optional<CgroupMemory> ReadMemoryV2();
  void ReadIoV1(std::vector<CgroupDeviceIo>* io);
  void ReadIoV2(std::vector<CgroupDeviceIo>* io);

  bool memory_v2_ = false;
  bool cpu_v2_ = false;
  bool io_v2_ = false;
  File cpu_usage_;   // v1: cpuacct.usage, v2: cpu.stat
  File cpu_stat_;    // v1 only, of the cpu controller
  File cpu_user_;    // v1 only
  File cpu_system_;  // v1 only
  File memory_usage_;
  File memory_stat_;
  File memory_limit_;  // v2 only, as the two after it
  File swap_usage_;
  File swap_limit_;
  File memory_peak_;
  File memory_hits_;  // v1: memory.failcnt, v2: memory.events
  File kernel_memory_;
  File oom_control_;
  File tasks_;
  File tasks_limit_;
  File processes_;
  File io_bytes_;  // v1; v2: io.stat
  File io_count_;  // v1 only
  File cpu_pressure_;
  File memory_pressure_;
  File io_pressure_;
};

}  // namespace crisp
