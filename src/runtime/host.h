// What a SpecContext must know of this machine. Each function asks the kernel anew; none keeps anything, so any thread
// may call any of them. Errors: Internal.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/spec.h"

namespace crisp {

// The bounding set of this process (prctl(2), PR_CAPBSET_READ), as SpecContext::host_capabilities.
uint64_t HostCapabilities();

// The nodes below /dev: not those of its other file systems (pts, shm, mqueue, …), and not /dev/console, which the OCI
// runtime makes itself for a terminal. Sorted by path. A node that vanishes while we look is left out.
absl::StatusOr<std::vector<HostDevice>> HostDevices();

// The lowest oom_score_adj that this process may give to a child: its own, unless it has CAP_SYS_RESOURCE in effect
// (proc(5)).
absl::StatusOr<int> HostOomScoreAdjFloor();

// True if /sys/fs/cgroup is a cgroup2 file system: the unified hierarchy, not the hybrid one.
bool HostHasCgroupV2();

// True if a limit on memory and swap together can be set: memory.memsw.* (v1) or memory.swap.max (v2) is there.
bool HostAccountsForSwap();

// True if there is a hugetlb controller where runc looks for it.
bool HostLimitsHugepages();

}  // namespace crisp
