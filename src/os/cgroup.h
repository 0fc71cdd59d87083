// Cgroups for the daemon: os/cgroup_core.h with absl::Status, and with waiting.
//
// Threading: from any thread. KillCgroups and RemoveCgroups block their caller, for the time they name.
#pragma once

#include <chrono>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "os/cgroup_core.h"

namespace crisp {

// The cgroups of a container with this linux.cgroupsPath, as cgroup::OfCgroupsPath. InvalidArgument for an invalid
// path.
absl::StatusOr<cgroup::Dirs> ContainerCgroups(const std::string& cgroups_path, bool systemd);

// Kills every process in them and below. Internal, naming those left, if some do not die within `budget`: they are in
// state D, or each the first process of a pid namespace whose others the caller has not reaped.
absl::Status KillCgroups(const cgroup::Dirs& dirs, std::chrono::milliseconds budget);

// Removes them and those below. While one is busy with a process that dies it tries again, for two thirds of a second.
absl::Status RemoveCgroups(const cgroup::Dirs& dirs);

}  // namespace crisp
