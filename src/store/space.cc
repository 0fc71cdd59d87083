#include "store/space.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/fd.h"

namespace crisp {
namespace {

// What a log line, a record and the directories of a pod need at least.
constexpr uint64_t kLeastBytes = 1 << 20;
constexpr uint64_t kLeastInodes = 16;

std::string FileSystemOf(const std::string& directory) {
  return absl::StrCat("the file system of ", directory);
}

absl::Status ReadOnly(const std::string& directory) {
  return absl::FailedPreconditionError(
      absl::StrCat(FileSystemOf(directory), " is read-only; look for its errors in the kernel's log, and remount it"));
}

absl::Status Exhausted(const std::string& directory, const char* how) {
  return absl::ResourceExhaustedError(
      absl::StrCat(FileSystemOf(directory), " ", how, "; remove images, pods or other files"));
}

}  // namespace

absl::Status ProbeSpace(const std::string& directory) {
  const Fd file(open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  int error = file.valid() ? 0 : errno;
  if (error == 0 && fallocate(file.get(), 0, 0, kLeastBytes) != 0) error = errno;
  if (error == 0 || error == EOPNOTSUPP) return absl::OkStatus();
  if (error == EROFS) return ReadOnly(directory);
  if (error == ENOSPC || error == EDQUOT) return Exhausted(directory, "is full");
  return ErrnoStatus(error, absl::StrCat(FileSystemOf(directory), " cannot be written"));
}

absl::Status CheckSpace(const std::string& directory) {
  struct statvfs size {};
  if (statvfs(directory.c_str(), &size) != 0) {
    return Annotate(ErrnoStatus(errno, directory), "make or mount the directory again, and restart crispd");
  }
  if ((size.f_flag & ST_RDONLY) != 0) return ReadOnly(directory);
  // A file system without a fixed number of inodes reports none.
  if (size.f_files > 0 && size.f_ffree < kLeastInodes) return Exhausted(directory, "has no free inodes");
  return size.f_bavail * size.f_frsize < kLeastBytes ? ProbeSpace(directory) : absl::OkStatus();
}

}  // namespace crisp
