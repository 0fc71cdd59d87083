#include "os/netns_pin.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/netns.h"

namespace crisp {
namespace {

absl::StatusOr<ino_t> NamespaceAt(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  return info.st_ino;
}

absl::Status Pin(pid_t pid, const std::string& path) {
  RETURN_IF_ERROR(BindMount(absl::StrCat("/proc/", pid, "/ns/net"), path));
  ASSIGN_OR_RETURN(const ino_t pinned, NamespaceAt(path));
  ASSIGN_OR_RETURN(const ino_t own, NamespaceAt("/proc/self/ns/net"));
  return pinned != own ? absl::OkStatus() : absl::InternalError("process has no network namespace of its own");
}

}  // namespace

absl::Status PinNetnsOf(pid_t pid, const std::string& path) {
  RETURN_IF_ERROR(MakeDirs(path.substr(0, path.rfind('/')), 0755), "pin netns ", path);
  ASSIGN_OR_RETURN([[maybe_unused]] const Fd file, OpenAt(AT_FDCWD, path, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0),
                   "pin netns");
  const absl::Status pinned = Pin(pid, path);
  if (pinned.ok()) return pinned;
  return Join(Annotate(pinned, absl::StrCat("pin netns of process ", pid)), RemoveNetns(path));
}

}  // namespace crisp
