// CgroupReader: what the kernel counts for one cgroup, on v1, v2 and the hybrid of both.
//
// Ownership: the files that it reads stay open from their first reading on, so that a reading is one pread(2) a file;
//   the descriptors go with the reader. They hold nothing of the cgroup: it can be removed meanwhile, and reads then
//   find nothing (ENODEV).
// Threading: one thread at a time. Errors: none; a number that is not there (no such controller, no such file on this
//   kernel, cgroup gone) is absent.
//
// Facts: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/{memory,cpuacct,pids,blkio-controller}.rst of Linux;
// the formats of the files are the same since Linux 4.15.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/cgroup_core.h"
#include "os/fd.h"

namespace crisp {

// Memory of a cgroup and all below it, in bytes.
struct CgroupMemory {
  uint64_t usage = 0;
  uint64_t inactive_file = 0;
  uint64_t active_file = 0;
  uint64_t rss = 0;  // anonymous memory, with that of swap in memory
  uint64_t file = 0;
  uint64_t mapped_file = 0;
  uint64_t page_faults = 0;
  uint64_t major_page_faults = 0;
  std::optional<uint64_t> limit;  // absent: none. On v1 the lowest of the cgroup and those above, on v2 its own.
  std::optional<uint64_t> swap;   // absent: not counted
  std::optional<uint64_t> swap_limit;

  // What cannot be taken back without effort, as the kubelet's eviction counts: usage without inactive file pages.
  uint64_t WorkingSet() const { return usage > inactive_file ? usage - inactive_file : 0; }
};

// Pressure stall information of one resource (Documentation/accounting/psi.rst).
struct CgroupPressure {
  struct Share {
    double avg10 = 0;  // per cent of the time
    double avg60 = 0;
    double avg300 = 0;
    uint64_t total_micros = 0;
  };
  Share some;
  Share full;
};

struct CgroupUsage {
  std::optional<uint64_t> cpu_nanos;  // since the cgroup was made
  std::optional<CgroupMemory> memory;
  std::optional<uint64_t> tasks;               // threads are counted each
  std::optional<CgroupPressure> cpu_pressure;  // v2 only
  std::optional<CgroupPressure> memory_pressure;
  std::optional<CgroupPressure> io_pressure;
};

// What one block device did for a cgroup.
struct CgroupDeviceIo {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint64_t read_bytes = 0;
  uint64_t written_bytes = 0;
  uint64_t reads = 0;
  uint64_t writes = 0;
};

// What only metrics show, beside the usage.
struct CgroupDetails {
  std::optional<uint64_t> cpu_user_nanos;
  std::optional<uint64_t> cpu_system_nanos;
  std::optional<uint64_t> cpu_periods;
  std::optional<uint64_t> cpu_throttled_periods;
  std::optional<uint64_t> cpu_throttled_nanos;
  std::optional<uint64_t> memory_peak;
  std::optional<uint64_t> memory_limit_hits;
  std::optional<uint64_t> kernel_memory;
  std::optional<uint64_t> oom_kills;
  std::optional<uint64_t> processes;  // of the cgroup itself, not of those below
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
    // The whole content, valid until the next reading by the same thread; nothing if there is no such file.
    std::optional<std::string_view> Read();

   private:
    std::string path_;  // empty: there is no such file here
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
