#include "os/cgroup.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "os/errno_status.h"

namespace crisp {

absl::StatusOr<cgroup::Dirs> ContainerCgroups(const std::string& cgroups_path, bool systemd) {
  cgroup::Dirs dirs = cgroup::OfCgroupsPath(cgroups_path, systemd);
  if (dirs.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("cgroups path '", cgroups_path, "' is not ",
                                                   systemd ? "slice:prefix:name" : "absolute, below the root"));
  }
  return dirs;
}

absl::Status KillCgroups(const cgroup::Dirs& dirs, std::chrono::milliseconds budget) {
  if (cgroup::KillAll(dirs, static_cast<int>(budget.count())) == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("killed processes are not gone: ", absl::StrJoin(cgroup::Processes(dirs), ", "), " in ",
                   dirs.front().path, " (state D in /proc/PID/stat: they wait for a device or a file server)"));
}

absl::Status RemoveCgroups(const cgroup::Dirs& dirs) {
  const int error = cgroup::Remove(dirs);
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, absl::StrCat("remove cgroup ", dirs.front().path));
}

}  // namespace crisp
