// What the processes of a container have open, which no cgroup counts: read from /proc.
//
// Threading: from any thread. Errors: none. A process that has ended meanwhile counts for nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace crisp {

struct ProcessUsage {
  uint64_t descriptors = 0;
  uint64_t sockets = 0;  // descriptors of sockets, which are among them
};

ProcessUsage UsageOfProcesses(const std::vector<pid_t>& pids);

// The soft limit on descriptors of process `pid`; nothing if it is not there.
std::optional<uint64_t> DescriptorLimit(pid_t pid);

}  // namespace crisp
