// Reads the facts of this machine that HostFacts holds. Each function asks the kernel anew and keeps nothing; any
// thread may call any of them. Errors: Internal.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"

namespace crisp {

// The bounding set of this process (prctl(2), PR_CAPBSET_READ): HostFacts::capabilities.
uint64_t HostCapabilities();

// The lowest oom_score_adj that this process may give to a child: its own, unless it has CAP_SYS_RESOURCE in effect
// (proc(5)).
absl::StatusOr<int> HostOomScoreAdjFloor();

// True if /sys/fs/cgroup is a cgroup2 file system: the unified hierarchy, not the hybrid one.
bool HostHasCgroupV2();

// True if a limit on memory and swap together can be set: memory.memsw.* (v1) or memory.swap.max (v2) exists.
bool HostAccountsForSwap();

// True if there is a hugetlb controller where runc looks for it.
bool HostLimitsHugepages();

}  // namespace crisp
