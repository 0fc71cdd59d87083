// Who holds a lock of flock(2) on a file, without taking it: a daemon that starts at this moment must get it.
#pragma once

#include <sys/types.h>

#include <string>

#include "doctor/host_tree.h"

namespace crisp {

// The pid of the process that has locked `path`, by /proc/locks; 0 if nobody has. -1 for one of another pid namespace.
pid_t LockHolder(const HostTree& tree, const std::string& path);

}  // namespace crisp
