// Files of the cgroups that a process is in.
#pragma once

#include <sys/types.h>

#include <string>

namespace crisp::e2e {

// The directory of the cgroup of `pid` in the hierarchy of `controller` (cgroup v1), or in the one hierarchy (v2).
std::string CgroupOf(pid_t pid, const std::string& controller);

// The content of its file `v1` or `v2`, whichever there is, without the newline at its end.
std::string CgroupFile(pid_t pid, const std::string& controller, const std::string& v1, const std::string& v2);

// The same for a cgroup by its path, "/parent/pod".
std::string CgroupFileOf(const std::string& path, const std::string& controller, const std::string& v1,
                         const std::string& v2);

bool HasCgroupV2();

}  // namespace crisp::e2e
