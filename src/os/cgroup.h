// Cgroups for the daemon: os/cgroup_core.h with absl::Status.
//
// Threading: functions of their arguments and the kernel; KillCgroups blocks its caller as long as it says.
#pragma once

#include <chrono>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "os/cgroup_core.h"

namespace crisp {

// Where a container with this linux.cgroupsPath is put, in each hierarchy: see cgroup::OfCgroupsPath. InvalidArgument
// for a path that makes no sense.
absl::StatusOr<cgroup::Dirs> ContainerCgroups(const std::string& cgroups_path, bool systemd);

// Kills every process in them and below. Internal, naming those left, if some do not die within `budget`.
absl::Status KillCgroups(const cgroup::Dirs& dirs, std::chrono::milliseconds budget);

absl::Status RemoveCgroups(const cgroup::Dirs& dirs);

}  // namespace crisp
