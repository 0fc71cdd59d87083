#include "runtime/cleanup.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/call_context.h"
#include "base/status_macros.h"
#include "os/cgroup.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/process.h"
#include "os/unix_socket.h"
#include "runtime/oci_runtime.h"
#include "runtime/shim.h"

namespace crisp {
namespace {

constexpr std::chrono::seconds kKillBudget{5};
constexpr std::chrono::seconds kDeleteTimeout{30};
constexpr size_t kMaxCommandLine = 64 << 10;

// SO_PEERCRED names the last caller of listen(2): the daemon that made the socket, then the shim, which calls it again
// when it begins to serve (shim/connections.cc).
absl::StatusOr<pid_t> ListenerOf(int socket) {
  ucred peer{};
  if (const int error = PeerOf(socket, &peer); error != 0) return ErrnoStatus(error, "ask who listens");
  return peer.pid;
}

// Whether the process was started as the shim of this socket: a pid may long be another's.
bool IsShimOf(pid_t pid, const ShimPaths& paths) {
  const auto line = ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/cmdline"), kMaxCommandLine);
  if (!line.ok()) return false;
  const std::vector<std::string> args = absl::StrSplit(*line, '\0');
  const auto option = std::find(args.begin(), args.end(), "--socket");
  return option != args.end() && option + 1 != args.end() && *(option + 1) == paths.socket;
}

absl::Status KillAndAwait(const Pidfd& process, const CallContext& call) {
  if (const int error = process.Signal(SIGKILL); error != 0) {
    return error == ESRCH ? absl::OkStatus() : ErrnoStatus(error, "kill it");
  }
  return Annotate(AwaitEnd(process, call), "wait for its death");
}

}  // namespace

absl::Status KillShim(const ShimPaths& paths, const CallContext& call) {
  const auto socket = ConnectPackets(paths.socket);
  if (const int error = ErrnoOf(socket.status()); error == ENOENT || error == ECONNREFUSED) return absl::OkStatus();
  RETURN_IF_ERROR(socket, "kill shim");
  ASSIGN_OR_RETURN(const pid_t pid, ListenerOf(socket->get()), "kill shim");
  const Pidfd pidfd = Pidfd::Open(pid);
  if (!pidfd.valid() && errno == ESRCH) return absl::OkStatus();
  // The descriptor was there before the look: if it still names a process, the look was at that one.
  if (!pidfd.valid() || !IsShimOf(pid, paths)) {
    return absl::InternalError(absl::StrCat("kill shim: who listens at ", paths.socket, " is no shim: process ", pid));
  }
  return Annotate(KillAndAwait(pidfd, call), absl::StrCat("kill shim ", pid));
}

absl::Status CleanUpContainer(const OciRuntime& runtime, const std::string& container_id,
                              const std::string& cgroups_path, const CallContext& call) {
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
