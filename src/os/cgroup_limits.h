// Limits of a cgroup that crisp itself writes: those of a pod's cgroup, and those that an OCI runtime cannot change in
// a running container (huge pages).
//
// Facts: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/{memory,hugetlb}.rst and scheduler/sched-bwc.rst of Linux.
// Threading: from any thread. Errors: ErrnoStatus, naming the file and the value; limits before that one have been set.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "os/cgroup_core.h"

namespace crisp {

// Absent limits are left as they are.
struct CgroupLimits {
  std::optional<uint64_t> cpu_shares;         // 2 to 262144; v2 gets the equivalent weight
  std::optional<int64_t> cpu_quota;           // microseconds per period; -1: none
  std::optional<uint64_t> cpu_period;         // microseconds
  std::optional<int64_t> memory;              // bytes; -1: none
  std::map<std::string, uint64_t> hugepages;  // page size, such as "2MB", to bytes
};

absl::Status SetCgroupLimits(const cgroup::Dirs& dirs, const CgroupLimits& limits);

// The cpu.weight (1 to 10000) for cpu.shares (2 to 262144), by the linear conversion that OCI runtimes use.
uint64_t CpuWeight(uint64_t shares);

}  // namespace crisp
