// CleanUpContainer: what is left of a container whose shim died, taken away by the daemon itself.
#include <sys/mount.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/cgroup.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/process.h"
#include "runtime/shim_client.h"

namespace crisp {
namespace {

constexpr std::chrono::seconds kKillBudget{5};
constexpr std::chrono::seconds kDeleteTimeout{30};

absl::Status RunDelete(const OciRuntime& runtime, const std::string& container_id, const Call& call) {
  Command command;
  command.path = runtime.binary;
  command.args = {"--root", runtime.root};
  if (runtime.systemd_cgroup) command.args.push_back("--systemd-cgroup");
  command.args.insert(command.args.end(), {"delete", "--force", container_id});
  command.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  ASSIGN_OR_RETURN(const CommandResult result, RunCommand(command, call.Within(kDeleteTimeout)));
  if (result.ok()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(runtime.binary, " delete --force ", container_id, ": ", result.Describe()));
}

}  // namespace

absl::Status CleanUpContainer(const OciRuntime& runtime, const std::string& container_id,
                              const std::string& cgroups_path, const Call& call) {
  ASSIGN_OR_RETURN(const cgroup::Dirs dirs, ContainerCgroups(cgroups_path, runtime.systemd_cgroup));
  RETURN_IF_ERROR(call.Check());
  absl::Status status = KillCgroups(dirs, kKillBudget);
  status = Join(std::move(status), RunDelete(runtime, container_id, call));
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
