#include "os/netns.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "os/errno_status.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/mount.h"

namespace crisp {
namespace {

absl::Status RunOnOwnThread(absl::FunctionRef<absl::Status()> work) {
  absl::Status result;
  ASSIGN_OR_RETURN(std::thread thread, StartThread("a network namespace", [&] { result = work(); }));
  thread.join();
  return result;
}

absl::Status PinNewNamespaceOfThisThread(const std::string& path) {
  if (unshare(CLONE_NEWNET) != 0) return ErrnoStatus(errno, "make a network namespace");
  return BindMount("/proc/thread-self/ns/net", path);
}

std::string DirectoryOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

}  // namespace

absl::Status CreateNetns(const std::string& path) {
  if (path.empty() || path.front() != '/') {
    return absl::InternalError(absl::StrCat("create netns: \"", path, "\" is not an absolute path"));
  }
  if (const std::string directory = DirectoryOf(path); !directory.empty()) {
    RETURN_IF_ERROR(MakeDirs(directory, 0755), "create netns ", path);
  }
  // The file is only a name to mount on: nobody may read or write it.
  ASSIGN_OR_RETURN([[maybe_unused]] const Fd file, OpenAt(AT_FDCWD, path, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0),
                   "create netns");
  const absl::Status pinned = RunOnOwnThread([&] { return PinNewNamespaceOfThisThread(path); });
  if (pinned.ok()) return pinned;
  absl::Status cleaned;
  if (unlink(path.c_str()) != 0) cleaned = ErrnoStatus(errno, absl::StrCat("remove ", path));
  return Join(Annotate(pinned, absl::StrCat("create netns ", path)), cleaned);
}

absl::Status RemoveNetns(const std::string& path) {
  // There is more than one mount only if a person has mounted something on top. Each round removes one.
  for (int attempt = 0; attempt < 8; ++attempt) {
    if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
    if (errno != EBUSY) return ErrnoStatus(errno, absl::StrCat("remove netns ", path));
    if (!IsNetns(path)) {
      return ErrnoStatus(EBUSY, absl::StrCat("remove netns ", path, ": something else is mounted there"));
    }
    RETURN_IF_ERROR(Unmount(path), "remove netns");
  }
  return ErrnoStatus(EBUSY, absl::StrCat("remove netns ", path));
}

bool IsNetns(const std::string& path) {
  struct statfs info {};
  return statfs(path.c_str(), &info) == 0 && info.f_type == NSFS_MAGIC;
}

absl::Status RunInNetns(const std::string& path, absl::FunctionRef<absl::Status()> work) {
  ASSIGN_OR_RETURN(const Fd netns, OpenAt(AT_FDCWD, path, O_RDONLY), "enter netns");
  return RunOnOwnThread([&] {
    if (setns(netns.get(), CLONE_NEWNET) != 0) return ErrnoStatus(errno, absl::StrCat("enter netns ", path));
    return work();
  });
}

}  // namespace crisp
