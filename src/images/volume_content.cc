#include "images/volume_content.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/status_macros.h"
#include "images/file_metadata.h"
#include "os/errno_status.h"
#include "os/fd.h"
#include "os/file.h"

namespace crisp {
namespace {

// Each level holds two descriptors.
constexpr int kDeepest = 200;
constexpr off_t kCopyChunk = 16 << 20;

absl::StatusOr<struct stat> StatAt(int dir, const std::string& name) {
  struct stat info {};
  if (fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
    return ErrnoStatus(errno, absl::StrCat("stat ", name));
  return info;
}

// Copies in the kernel: copy_file_range(2), or sendfile(2) where that is not supported, for example between two
// different file systems. Both read from and write at the current positions.
absl::Status CopyRange(int from, int to, off_t length, const std::string& name, const CallContext& call) {
  bool whole = true;
  while (length > 0) {
    RETURN_IF_ERROR(call.Check());
    const size_t chunk = static_cast<size_t>(std::min<off_t>(length, kCopyChunk));
    const ssize_t n =
        whole ? copy_file_range(from, nullptr, to, nullptr, chunk, 0) : sendfile(to, from, nullptr, chunk);
    if (n == 0) return absl::OkStatus();  // the file has become shorter
    if (n > 0) length -= n;
    if (n > 0 || errno == EINTR) continue;
    if (!whole || (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)) {
      return ErrnoStatus(errno, absl::StrCat("copy ", name));
    }
    whole = false;
  }
  return absl::OkStatus();
}

// Copies the data and leaves the holes (lseek(2), SEEK_DATA). A file system without holes reports one range of data.
absl::Status CopyBytes(int from, int to, off_t size, const std::string& name, const CallContext& call) {
  if (ftruncate(to, size) != 0) return ErrnoStatus(errno, absl::StrCat("set the size of ", name));
  for (off_t at = 0; at < size;) {
    const off_t data = lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return absl::OkStatus();  // a hole up to the end
    const off_t hole = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
    if (hole < 0 || lseek(from, data, SEEK_SET) < 0 || lseek(to, data, SEEK_SET) < 0) {
      return ErrnoStatus(errno, absl::StrCat("find the data of ", name));
    }
    RETURN_IF_ERROR(CopyRange(from, to, hole - data, name, call));
    at = hole;
  }
  return absl::OkStatus();
}

absl::Status CopyLink(int from, int to, const std::string& name, const FileMetadata& metadata) {
  char link[PATH_MAX];
  const ssize_t length = readlinkat(from, name.c_str(), link, sizeof(link) - 1);
  if (length < 0) return ErrnoStatus(errno, absl::StrCat("read link ", name));
  link[length] = '\0';
  if (symlinkat(link, to, name.c_str()) != 0) return ErrnoStatus(errno, absl::StrCat("make link ", name));
  return ApplyMetadataAt(to, name, S_IFLNK, metadata);
}

absl::Status CopySpecial(int to, const std::string& name, const struct stat& info, const FileMetadata& metadata) {
  const mode_t type = info.st_mode & S_IFMT;
  if (mknodat(to, name.c_str(), type | 0600, info.st_rdev) != 0) {
    return ErrnoStatus(errno, absl::StrCat("make special file ", name));
  }
  return ApplyMetadataAt(to, name, type, metadata);
}

// Copies one tree. It stops when the caller has left, and before the file system is full: a full one would stop other
// pods too.
class TreeCopy {
 public:
  TreeCopy(const CallContext& call, uint64_t free_bytes) : call_(call), free_bytes_(free_bytes) {}

  // Copies what is in the directory `from` into the directory `to`.
  absl::Status Copy(Fd from, int to, int depth) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir(absl::StrCat("/proc/self/fd/", from.get())));
    for (const std::string& name : names) RETURN_IF_ERROR(CopyEntry(from.get(), to, name, depth), name);
    return absl::OkStatus();
  }

 private:
  absl::Status CopyEntry(int from, int to, const std::string& name, int depth) {
    RETURN_IF_ERROR(call_.Check());
    ASSIGN_OR_RETURN(const struct stat info, StatAt(from, name));
    if (S_ISSOCK(info.st_mode)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const FileMetadata metadata, ReadMetadata(from, name, info));
    if (S_ISDIR(info.st_mode)) return CopyDirectory(from, to, name, metadata, depth + 1);
    if (S_ISREG(info.st_mode)) return CopyFile(from, to, name, info, metadata);
    if (S_ISLNK(info.st_mode)) return CopyLink(from, to, name, metadata);
    return CopySpecial(to, name, info, metadata);
  }

  absl::Status CopyFile(int from, int to, const std::string& name, const struct stat& info,
                        const FileMetadata& metadata) {
    const uint64_t bytes = static_cast<uint64_t>(info.st_blocks) * 512;
    if (bytes > free_bytes_) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "copy ", name, ": ", bytes, " bytes are more than the file system has left; remove images or pods"));
    }
    free_bytes_ -= bytes;
    ASSIGN_OR_RETURN(const Fd source, OpenAt(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    ASSIGN_OR_RETURN(const Fd copy, OpenAt(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    RETURN_IF_ERROR(CopyBytes(source.get(), copy.get(), info.st_size, name, call_));
    return ApplyMetadata(copy.get(), metadata, name);
  }

  absl::Status CopyDirectory(int from, int to, const std::string& name, const FileMetadata& metadata, int depth) {
    if (depth > kDeepest) {
      return absl::InvalidArgumentError(absl::StrCat("more than ", kDeepest, " levels of directories"));
    }
    if (mkdirat(to, name.c_str(), 0700) != 0) return ErrnoStatus(errno, absl::StrCat("make directory ", name));
    ASSIGN_OR_RETURN(Fd source, OpenAt(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    ASSIGN_OR_RETURN(const Fd copy, OpenAt(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    RETURN_IF_ERROR(Copy(std::move(source), copy.get(), depth));
    return ApplyMetadata(copy.get(), metadata, name);
  }

  const CallContext& call_;
  uint64_t free_bytes_;  // of the target's file system
};

absl::StatusOr<uint64_t> FreeBytes(const std::string& directory) {
  struct statvfs info {};
  if (statvfs(directory.c_str(), &info) != 0)
    return ErrnoStatus(errno, absl::StrCat("look at the space of ", directory));
  return info.f_bfree * info.f_frsize;
}

absl::Status MakeTarget(const std::string& target) {
  if (mkdir(target.c_str(), 0700) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("make directory ", target));
}

absl::Status MakeEmpty(const std::string& target, VolumeOwner owner) {
  if (chown(target.c_str(), owner.uid, owner.gid) != 0 || chmod(target.c_str(), 0755) != 0) {
    return ErrnoStatus(errno, absl::StrCat("set the owner of ", target));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CopyVolumeContent(const std::string& rootfs, const std::string& path, const std::string& target,
                               VolumeOwner owner, const CallContext& call) {
  RETURN_IF_ERROR(MakeTarget(target));
  ASSIGN_OR_RETURN(const Fd root, OpenAt(AT_FDCWD, rootfs, O_PATH | O_DIRECTORY));
  // O_DIRECTORY, so that no device or FIFO is opened.
  absl::StatusOr<Fd> source = OpenInRoot(root.get(), path, O_RDONLY | O_DIRECTORY);
  if (!source.ok()) {
    const int error = ErrnoOf(source.status());
    if (error == ENOENT) return MakeEmpty(target, owner);
    if (error == ENOTDIR || error == ELOOP) {
      return absl::InvalidArgumentError(
          absl::StrCat("the image declares a volume ", path, ", which is not a directory"));
    }
    return source.status();
  }
  struct stat info {};
  if (fstat(source->get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path, " of the image"));
  ASSIGN_OR_RETURN(const FileMetadata metadata, ReadMetadata(source->get(), ".", info));
  ASSIGN_OR_RETURN(const Fd copy, OpenAt(AT_FDCWD, target, O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(const uint64_t free_bytes, FreeBytes(target));
  TreeCopy tree(call, free_bytes);
  RETURN_IF_ERROR(tree.Copy(*std::move(source), copy.get(), 0), "copy the image's volume ", path);
  return ApplyMetadata(copy.get(), metadata, target);
}

}  // namespace crisp
