#include "os/user_namespace.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

// What the child does. Its parent has threads, so it makes raw system calls only; that one fails does not matter. It
// keeps no descriptor of the daemon, and ends with it.
[[noreturn]] void WaitToBeKilled(pid_t parent) {
  syscall(SYS_close_range, 0U, ~0U, 0U);
  syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  while (syscall(SYS_getppid) == parent) syscall(SYS_ppoll, nullptr, 0, nullptr, nullptr, 0);
  syscall(SYS_exit_group, 0);
  __builtin_unreachable();
}

class IdleChild {
 public:
  // Like fork(2), but in a new user namespace: the child shares nothing that it could change for the daemon.
  IdleChild() {
    const pid_t parent = getpid();
    const long flags = CLONE_NEWUSER | SIGCHLD;
    pid_ = static_cast<pid_t>(syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr));
    if (pid_ == 0) WaitToBeKilled(parent);
    error_ = errno;
  }
  ~IdleChild() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  IdleChild(const IdleChild&) = delete;
  IdleChild& operator=(const IdleChild&) = delete;

  absl::Status status() const { return pid_ > 0 ? absl::OkStatus() : ErrnoStatus(error_, "make a user namespace"); }
  std::string Proc(const char* name) const { return absl::StrCat("/proc/", pid_, "/", name); }

 private:
  pid_t pid_ = -1;
  int error_ = 0;
};

// The kernel takes a map only once, and in one write.
absl::Status WriteMap(const std::string& path, const std::vector<IdRange>& ranges) {
  std::string text;
  for (const IdRange& range : ranges) absl::StrAppend(&text, range.inside, " ", range.outside, " ", range.length, "\n");
  ASSIGN_OR_RETURN(const Fd file, OpenAt(AT_FDCWD, path, O_WRONLY));
  if (write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("write ", path));
}

absl::StatusOr<Fd> IdmappedTree(const std::string& source, int user_namespace) {
  Fd tree(static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree.valid()) return ErrnoStatus(errno, absl::StrCat("bind ", source));
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(user_namespace);
  if (syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) != 0) {
    return ErrnoStatus(errno, absl::StrCat("shift the owners of ", source, " (an idmapped mount)"));
  }
  return tree;
}

}  // namespace

std::optional<uint32_t> MapId(const std::vector<IdRange>& ranges, uint32_t inside) {
  for (const IdRange& range : ranges) {
    if (inside >= range.inside && inside - range.inside < range.length) return range.outside + (inside - range.inside);
  }
  return std::nullopt;
}

absl::StatusOr<Fd> MakeUserNamespace(const IdMap& map) {
  const IdleChild child;
  RETURN_IF_ERROR(child.status());
  RETURN_IF_ERROR(WriteMap(child.Proc("uid_map"), map.uids));
  RETURN_IF_ERROR(WriteMap(child.Proc("gid_map"), map.gids));
  return OpenAt(AT_FDCWD, child.Proc("ns/user"), O_RDONLY);
}

absl::Status BindIdmapped(const std::string& source, const std::string& target, int user_namespace) {
  ASSIGN_OR_RETURN(const Fd tree, IdmappedTree(source, user_namespace));
  if (syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return ErrnoStatus(errno, absl::StrCat("bind ", source, " on ", target));
  }
  return absl::OkStatus();
}

absl::Status CheckIdmapping(const std::string& path) {
  const IdMap map{{{0, 65536, 65536}}, {{0, 65536, 65536}}};
  ASSIGN_OR_RETURN(const Fd user_namespace, MakeUserNamespace(map));
  return IdmappedTree(path, user_namespace.get()).status();
}

}  // namespace crisp
