#include "images/file_metadata.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "os/errno_status.h"

namespace crisp {
namespace {

// Before Linux 6.13 the xattr calls take no directory descriptor. The descriptor's link in /proc leads to the directory
// itself, whatever its path, and the l* calls do not follow the name after it.
std::string ProcPath(int dir, const std::string& name) {
  return absl::StrCat("/proc/self/fd/", dir, "/", name);
}

// An attribute that the file system does not support is dropped, as every engine does, except for file capabilities:
// without them the program is broken. EPERM is for user.* on special files and links (xattr(7)).
bool MayBeLost(absl::string_view xattr, int error) {
  if (xattr == "security.capability") return false;
  return error == ENOTSUP || (error == EPERM && absl::StartsWith(xattr, "user."));
}

absl::Status XattrError(int error, absl::string_view xattr, absl::string_view file) {
  return ErrnoStatus(error, absl::StrCat("set attribute ", xattr, " of ", file));
}

// Grows `buffer` until the result of `get` fits. The attribute may change between two calls.
template <typename Get>
ssize_t ReadGrowing(std::string* buffer, Get get) {
  while (true) {
    const ssize_t size = get(nullptr, 0);
    if (size <= 0) {
      buffer->clear();
      return size;
    }
    buffer->resize(static_cast<size_t>(size));
    const ssize_t read = get(buffer->data(), buffer->size());
    if (read >= 0) buffer->resize(static_cast<size_t>(read));
    if (read >= 0 || errno != ERANGE) return read;
  }
}

absl::StatusOr<Xattrs> ReadXattrs(int dir, const std::string& name) {
  const std::string path = ProcPath(dir, name);
  std::string names;
  if (ReadGrowing(&names, [&](char* to, size_t size) { return llistxattr(path.c_str(), to, size); }) < 0) {
    if (errno == ENOTSUP) return Xattrs{};
    return ErrnoStatus(errno, absl::StrCat("list the attributes of ", name));
  }
  Xattrs xattrs;
  for (const absl::string_view xattr : absl::StrSplit(names, '\0', absl::SkipEmpty())) {
    if (IsReservedXattr(xattr)) continue;
    std::string key(xattr), value;
    const auto get = [&](char* to, size_t size) { return lgetxattr(path.c_str(), key.c_str(), to, size); };
    if (ReadGrowing(&value, get) < 0) return ErrnoStatus(errno, absl::StrCat("read attribute ", key, " of ", name));
    xattrs.emplace_back(std::move(key), std::move(value));
  }
  return xattrs;
}

}  // namespace

bool IsReservedXattr(absl::string_view name) {
  return absl::StartsWith(name, "trusted.overlay.") || absl::StartsWith(name, "trusted.crisp.");
}

absl::StatusOr<FileMetadata> ReadMetadata(int dir, const std::string& name, const struct stat& info) {
  ASSIGN_OR_RETURN(Xattrs xattrs, ReadXattrs(dir, name));
  return FileMetadata{info.st_mode & 07777u, info.st_uid, info.st_gid, info.st_mtim, std::move(xattrs)};
}

absl::Status ApplyMetadata(int fd, const FileMetadata& metadata, absl::string_view name) {
  if (fchown(fd, metadata.uid, metadata.gid) != 0) return ErrnoStatus(errno, absl::StrCat("change owner of ", name));
  if (fchmod(fd, metadata.mode) != 0) return ErrnoStatus(errno, absl::StrCat("change mode of ", name));
  for (const auto& [xattr, value] : metadata.xattrs) {
    if (fsetxattr(fd, xattr.c_str(), value.data(), value.size(), 0) != 0 && !MayBeLost(xattr, errno)) {
      return XattrError(errno, xattr, name);
    }
  }
  const timespec times[2] = {metadata.mtime, metadata.mtime};
  if (futimens(fd, times) != 0) return ErrnoStatus(errno, absl::StrCat("set time of ", name));
  return absl::OkStatus();
}

absl::Status ApplyMetadataAt(int dir, const std::string& name, mode_t type, const FileMetadata& metadata) {
  if (fchownat(dir, name.c_str(), metadata.uid, metadata.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoStatus(errno, absl::StrCat("change owner of ", name));
  }
  if (type != S_IFLNK && fchmodat(dir, name.c_str(), metadata.mode, 0) != 0) {
    return ErrnoStatus(errno, absl::StrCat("change mode of ", name));
  }
  const std::string path = ProcPath(dir, name);
  for (const auto& [xattr, value] : metadata.xattrs) {
    if (lsetxattr(path.c_str(), xattr.c_str(), value.data(), value.size(), 0) != 0 && !MayBeLost(xattr, errno)) {
      return XattrError(errno, xattr, name);
    }
  }
  const timespec times[2] = {metadata.mtime, metadata.mtime};
  if (utimensat(dir, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoStatus(errno, absl::StrCat("set time of ", name));
  }
  return absl::OkStatus();
}

absl::Status SetXattr(int fd, const std::string& name, absl::string_view value, absl::string_view file) {
  if (fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) return absl::OkStatus();
  return XattrError(errno, name, file);
}

absl::StatusOr<std::string> GetXattr(int fd, const std::string& name, absl::string_view file) {
  std::string value;
  const auto get = [&](char* to, size_t size) { return fgetxattr(fd, name.c_str(), to, size); };
  if (ReadGrowing(&value, get) < 0 && errno != ENODATA && errno != ENOTSUP) {
    return ErrnoStatus(errno, absl::StrCat("read attribute ", name, " of ", file));
  }
  return value;
}

absl::StatusOr<bool> HasMark(int fd, absl::string_view name, absl::string_view file) {
  char value[2];
  const ssize_t size = fgetxattr(fd, std::string(name).c_str(), value, sizeof(value));
  if (size == 1) return value[0] == 'y';
  if (size >= 0 || errno == ENODATA || errno == ENOTSUP || errno == ERANGE) return false;
  return ErrnoStatus(errno, absl::StrCat("read attribute ", name, " of ", file));
}

}  // namespace crisp
