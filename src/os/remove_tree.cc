#include "os/remove_tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/dir_stream.h"
#include "os/errno_status.h"
#include "os/fd.h"

namespace crisp {
namespace {

// Descriptors that are open at once. Several threads must get by with the default limit of 1024.
constexpr int kMostOpen = 40;

// Clears the flags "immutable" and "append only" (ioctl_iflags(2)), which a privileged container can set. True if one
// was set and is not any more.
bool ClearFlags(int fd) {
  int flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return false;  // this file system has no flags
  const int cleared = flags & ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
  return cleared != flags && ioctl(fd, FS_IOC_SETFLAGS, &cleared) == 0;
}

// Clears the flags that keep `name` in the directory `dir`: its own, and those of `dir`. Only files and directories are
// opened, since opening a device or a FIFO has effects.
bool Unprotect(int dir, const std::string& name) {
  bool cleared = ClearFlags(dir);
  struct stat info {};
  if (fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return cleared;
  if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) return cleared;
  const Fd fd(openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (fd.valid() && ClearFlags(fd.get())) cleared = true;
  return cleared;
}

// unlinkat(2), once more after clearing flags. 0 if `name` is gone, else the errno.
int Unlink(int dir, const std::string& name, int flags) {
  if (unlinkat(dir, name.c_str(), flags) == 0 || errno == ENOENT) return 0;
  const int error = errno;
  if (error != EPERM || !Unprotect(dir, name)) return error;
  return unlinkat(dir, name.c_str(), flags) == 0 || errno == ENOENT ? 0 : errno;
}

class Remover {
 public:
  Remover(int top, dev_t device) : top_(top), device_(device) {}

  // Empties the directory `dir`, `depth` levels below the top.
  absl::Status Empty(Fd dir, int depth) {
    DirStream stream(std::move(dir));
    while (const dirent* entry = stream.Next()) {
      RETURN_IF_ERROR(Remove(stream.fd(), entry->d_name, depth), entry->d_name);
    }
    return stream.error() == 0 ? absl::OkStatus() : ErrnoStatus(stream.error(), "list directory");
  }

  bool moved_up() { return std::exchange(moved_up_, false); }

 private:
  absl::Status Remove(int dir, const std::string& name, int depth) {
    int error = Unlink(dir, name, 0);
    if (error == 0) return absl::OkStatus();
    if (error != EISDIR) return ErrnoStatus(error, "remove");
    if (depth >= kMostOpen) return MoveUp(dir, name);
    ASSIGN_OR_RETURN(Fd child, OpenOnSameDevice(dir, name, device_));
    RETURN_IF_ERROR(Empty(std::move(child), depth + 1));
    error = Unlink(dir, name, AT_REMOVEDIR);
    return error == 0 ? absl::OkStatus() : ErrnoStatus(error, "remove");
  }

  absl::Status MoveUp(int dir, const std::string& name) {
    do {
      const std::string free_name = absl::StrCat(".crisp-deep-", next_++);
      if (renameat2(dir, name.c_str(), top_, free_name.c_str(), RENAME_NOREPLACE) == 0) {
        moved_up_ = true;
        return absl::OkStatus();
      }
    } while (errno == EEXIST);
    return ErrnoStatus(errno, "move up to remove");
  }

 public:
  static absl::StatusOr<Fd> OpenOnSameDevice(int dir, const std::string& name, dev_t device) {
    Fd fd(openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) return ErrnoStatus(errno, "open");
    struct stat info {};
    if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, "stat");
    if (info.st_dev != device) return ErrnoStatus(EXDEV, "a file system is mounted there");
    return fd;
  }

 private:
  int top_;
  dev_t device_;
  bool moved_up_ = false;
  uint64_t next_ = 0;
};

absl::Status RemoveDirectory(int dir, const std::string& name) {
  struct stat parent {};
  if (fstat(dir, &parent) != 0) return ErrnoStatus(errno, "stat");
  ASSIGN_OR_RETURN(const Fd top, Remover::OpenOnSameDevice(dir, name, parent.st_dev));
  Remover remover(top.get(), parent.st_dev);
  do {
    RETURN_IF_ERROR(remover.Empty(Fd(openat(top.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), 1));
  } while (remover.moved_up());
  const int error = Unlink(dir, name, AT_REMOVEDIR);
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, "remove");
}

}  // namespace

absl::Status RemoveTreeAt(int dir, const std::string& name) {
  const int error = Unlink(dir, name, 0);
  if (error == 0 || error == ENOTDIR) return absl::OkStatus();
  if (error != EISDIR) return ErrnoStatus(error, absl::StrCat("remove ", name));
  return Annotate(RemoveDirectory(dir, name), absl::StrCat("remove ", name));
}

}  // namespace crisp
