// Files of cgroups, on a machine with cgroup v1 or v2.
#pragma once

#include <sys/types.h>

#include <string>

namespace crisp::e2e {

// The directory of the cgroup of `pid` in the hierarchy of `controller` (v1), or in the one hierarchy (v2). Throws
// std::runtime_error if it is in none.
std::string CgroupOf(pid_t pid, const std::string& controller);

// The content of its file `v1` or `v2`, whichever the machine has, without the newline at its end.
std::string CgroupFile(pid_t pid, const std::string& controller, const std::string& v1, const std::string& v2);

// The same for a cgroup with the path "/parent/pod".
std::string CgroupFileOf(const std::string& path, const std::string& controller, const std::string& v1,
                         const std::string& v2);

bool HasCgroupV2();

}  // namespace crisp::e2e
