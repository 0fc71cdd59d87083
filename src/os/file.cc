#include "os/file.h"

#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/dir_stream.h"
#include "os/errno_status.h"
#include "os/remove_tree.h"

namespace crisp {
namespace {

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::StatusOr<std::vector<std::string>> NamesIn(Fd dir, const std::string& path) {
  DirStream stream(std::move(dir));
  std::vector<std::string> names;
  while (const dirent* entry = stream.Next()) names.emplace_back(entry->d_name);
  if (stream.error() != 0) return ErrnoStatus(stream.error(), absl::StrCat("list ", path));
  std::sort(names.begin(), names.end());
  return names;
}

// Writes nothing if the mode is right: the file system may be read-only.
absl::Status SetMode(const Fd& file, mode_t mode, const std::string& path) {
  struct stat info {};
  if (fstat(file.get(), &info) == 0 && (info.st_mode & 07777) == mode) return absl::OkStatus();
  return fchmod(file.get(), mode) == 0 ? absl::OkStatus() : ErrnoStatus(errno, absl::StrCat("set the mode of ", path));
}

// Makes the directory `name` in `parent`. Whoever may write to the parent can replace the new directory before it is
// opened. O_NOFOLLOW makes sure that a directory is opened, not a link's target, and only that gets the mode.
absl::StatusOr<Fd> MakeDirIn(const Fd& parent, const std::string& name, mode_t mode, const std::string& path) {
  if (mkdirat(parent.get(), name.c_str(), mode) != 0) {
    if (errno != EEXIST) return ErrnoStatus(errno, absl::StrCat("make directory ", path));
    return OpenAt(parent.get(), name, O_PATH | O_DIRECTORY);  // another process has made it meanwhile
  }
  Fd made(openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made.valid()) return ErrnoStatus(errno, absl::StrCat("open the new directory ", path));
  RETURN_IF_ERROR(SetMode(made, mode, path));
  return made;
}

absl::StatusOr<Fd> OpenOrMakeDir(const std::string& path, mode_t mode) {
  Fd existing(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (existing.valid()) return existing;
  if (errno != ENOENT || path.empty()) return ErrnoStatus(errno, absl::StrCat("make directory ", path));
  ASSIGN_OR_RETURN(Fd parent, OpenOrMakeDir(ParentOf(path), mode));
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name.empty()) return parent;  // "dir/"
  return MakeDirIn(parent, name, mode, path);
}

}  // namespace

absl::StatusOr<Fd> OpenAt(int dir, const std::string& path, int flags, mode_t mode) {
  Fd fd(openat(dir, path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open ", path));
  return fd;
}

absl::StatusOr<Fd> OpenInRoot(int root, const std::string& path, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC));
  how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  // EAGAIN: a concurrent rename or mount made ".." unsafe (openat2(2), NOTES): try again.
  for (int attempt = 0; attempt < 32; ++attempt) {
    Fd fd(static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how))));
    if (fd.valid()) return fd;
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return ErrnoStatus(errno, absl::StrCat("open ", path, " inside the root file system"));
}

absl::StatusOr<std::string> ReadFd(int fd, size_t limit, absl::string_view name) {
  std::string data;
  char buffer[16384];
  while (true) {
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n == 0) return data;
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, absl::StrCat("read ", name));
    }
    if (data.size() + static_cast<size_t>(n) > limit) {
      return absl::InternalError(absl::StrCat("read ", name, ": larger than ", limit, " bytes"));
    }
    data.append(buffer, static_cast<size_t>(n));
  }
}

absl::StatusOr<std::string> ReadFileAt(int dir, const std::string& path, size_t limit) {
  ASSIGN_OR_RETURN(Fd fd, OpenAt(dir, path, O_RDONLY));
  return ReadFd(fd.get(), limit, path);
}

absl::Status WriteAll(int fd, absl::string_view data, absl::string_view name) {
  while (!data.empty()) {
    const ssize_t n = write(fd, data.data(), data.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, absl::StrCat("write ", name));
    }
    data.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

namespace {

absl::Status WriteNew(int dir, const std::string& path, absl::string_view data, mode_t mode, bool sync) {
  ASSIGN_OR_RETURN(Fd fd, OpenAt(dir, path, O_WRONLY | O_CREAT | O_TRUNC, mode));
  RETURN_IF_ERROR(WriteAll(fd.get(), data, path));
  if (sync && fsync(fd.get()) != 0) return ErrnoStatus(errno, absl::StrCat("sync ", path));
  return absl::OkStatus();
}

absl::Status WriteAndRename(int dir, const std::string& path, absl::string_view data, mode_t mode, bool sync) {
  const std::string temporary = absl::StrCat(path, ".tmp");
  absl::Status status = WriteNew(dir, temporary, data, mode, sync);
  if (status.ok()) {
    if (renameat(dir, temporary.c_str(), dir, path.c_str()) == 0) return absl::OkStatus();
    status = ErrnoStatus(errno, absl::StrCat("rename to ", path));
  }
  unlinkat(dir, temporary.c_str(), 0);  // what was written of it takes space, perhaps the last
  return status;
}

}  // namespace

absl::Status WriteFileAtomically(int dir, const std::string& path, absl::string_view data, mode_t mode) {
  RETURN_IF_ERROR(WriteAndRename(dir, path, data, mode, /*sync=*/true));
  ASSIGN_OR_RETURN(Fd parent, OpenAt(dir, ParentOf(path), O_RDONLY | O_DIRECTORY));
  if (fsync(parent.get()) != 0) return ErrnoStatus(errno, absl::StrCat("sync the directory of ", path));
  return absl::OkStatus();
}

absl::Status ReplaceFileAt(int dir, const std::string& path, absl::string_view data, mode_t mode) {
  return WriteAndRename(dir, path, data, mode, /*sync=*/false);
}

absl::Status WriteFileAt(int dir, const std::string& path, absl::string_view data, mode_t mode) {
  ASSIGN_OR_RETURN(Fd fd, OpenAt(dir, path, O_WRONLY | O_CREAT | O_TRUNC, mode));
  return WriteAll(fd.get(), data, path);
}

absl::Status MakeDirs(const std::string& path, mode_t mode) {
  return OpenOrMakeDir(path, mode).status();
}

absl::Status MakeDirsWithMode(const std::string& path, mode_t mode) {
  RETURN_IF_ERROR(MakeDirs(path, mode));
  ASSIGN_OR_RETURN(const Fd dir, OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  return SetMode(dir, mode, path);
}

absl::Status RemoveTree(const std::string& path) {
  const std::string parent = ParentOf(path);
  absl::StatusOr<Fd> dir = OpenAt(AT_FDCWD, parent, O_PATH | O_DIRECTORY);
  if (!dir.ok()) return ErrnoOf(dir.status()) == ENOENT ? absl::OkStatus() : dir.status();
  return Annotate(RemoveTreeAt(dir->get(), path.substr(path.rfind('/') + 1)), absl::StrCat("in ", parent));
}

absl::StatusOr<std::vector<std::string>> ListDir(const std::string& path) {
  ASSIGN_OR_RETURN(Fd dir, OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  return NamesIn(std::move(dir), path);
}

bool Exists(const std::string& path) {
  return faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace crisp
