// Limits of a cgroup, written by crisp itself: those of a pod's cgroup, and those that an OCI runtime does not change
// in a container that runs (huge pages).
//
// Facts: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/{memory,hugetlb}.rst and scheduler/sched-bwc.rst of Linux.
// Errors: ErrnoStatus, naming the file and the value. Those before it have been written.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "os/cgroup_core.h"

namespace crisp {

// What is absent is left as it is.
struct CgroupLimits {
  std::optional<uint64_t> cpu_shares;         // 2 … 262144, also for v2, which gets the weight of them
  std::optional<int64_t> cpu_quota;           // microseconds a period; -1: none
  std::optional<uint64_t> cpu_period;         // microseconds
  std::optional<int64_t> memory;              // bytes; -1: none
  std::map<std::string, uint64_t> hugepages;  // bytes by size of the pages, "2MB"
};

absl::Status SetCgroupLimits(const cgroup::Dirs& dirs, const CgroupLimits& limits);

// cpu.weight (1 … 10000) for cpu.shares (2 … 262144), as OCI runtimes convert them: both ends meet.
uint64_t CpuWeight(uint64_t shares);

}  // namespace crisp
