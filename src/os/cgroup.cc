#include "os/cgroup.h"

#include <cerrno>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/clock.h"
#include "os/errno_status.h"

namespace crisp {
namespace {

// Between attempts to remove a cgroup whose processes have just died: about two thirds of a second in all.
constexpr std::chrono::microseconds kFirstPause{500};
constexpr std::chrono::microseconds kLastPause{320'000};

}  // namespace

absl::StatusOr<cgroup::Dirs> ContainerCgroups(const std::string& cgroups_path, bool systemd) {
  cgroup::Dirs dirs = cgroup::OfCgroupsPath(cgroups_path, systemd);
  if (dirs.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("cgroups path '", cgroups_path, "' is not ",
                                                   systemd ? "slice:prefix:name" : "absolute, below the root"));
  }
  return dirs;
}

absl::Status KillCgroups(const cgroup::Dirs& dirs, std::chrono::milliseconds budget) {
  const MonoTime deadline = MonoClock::now() + budget;
  while (!cgroup::Processes(dirs).empty() && MonoClock::now() < deadline) {
    for (const Pidfd& dying : cgroup::KillOnce(dirs)) dying.WaitUntil(deadline);
  }
  if (cgroup::Processes(dirs).empty()) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("killed processes are not gone: ", absl::StrJoin(cgroup::Processes(dirs), ", "), " in ",
                   dirs.front().path, " (state D in /proc/PID/stat: they wait for a device or a file server)"));
}

absl::Status RemoveCgroups(const cgroup::Dirs& dirs) {
  int error = cgroup::Remove(dirs);
  for (auto pause = kFirstPause; error == EBUSY && pause <= kLastPause; pause *= 2) {
    std::this_thread::sleep_for(pause);
    error = cgroup::Remove(dirs);
  }
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, absl::StrCat("remove cgroup ", dirs.front().path));
}

}  // namespace crisp
