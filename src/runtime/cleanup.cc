// CleanUpContainer: what is left of a container whose shim died, taken away by the daemon itself.
#include <sys/mount.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/cgroup.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "runtime/oci_runtime.h"
#include "runtime/shim_client.h"

namespace crisp {
namespace {

constexpr std::chrono::seconds kKillBudget{5};
constexpr std::chrono::seconds kDeleteTimeout{30};

}  // namespace

absl::Status CleanUpContainer(const OciRuntime& runtime, const std::string& container_id,
                              const std::string& cgroups_path, const Call& call) {
  ASSIGN_OR_RETURN(const cgroup::Dirs dirs, ContainerCgroups(cgroups_path, runtime.systemd_cgroup));
  RETURN_IF_ERROR(call.Check());
  absl::Status status = KillCgroups(dirs, kKillBudget);
  status = Join(std::move(status),
                RunRuntime(runtime, {"delete", "--force", container_id}, "", call.Within(kDeleteTimeout)));
  // A runtime that died with its shim may have put its child there after the first look.
  status = Join(std::move(status), KillCgroups(dirs, kKillBudget));
  status = Join(std::move(status), RemoveCgroups(dirs));
  return Annotate(status, absl::StrCat("clean up container ", container_id));
}

absl::Status RemoveRuntimeState(const OciRuntime& runtime, const std::string& container_id) {
  const std::string directory = absl::StrCat(runtime.root, "/", container_id);
  const auto names = ListDir(directory);
  if (!names.ok()) return ErrnoOf(names.status()) == ENOENT ? absl::OkStatus() : names.status();
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(directory, "/", name);
    if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL && errno != ENOENT) {
      return ErrnoStatus(errno, absl::StrCat("unmount ", path));
    }
  }
  return RemoveTree(directory);
}

}  // namespace crisp
