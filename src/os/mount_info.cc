#include "os/mount_info.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr size_t kMaxMountInfo = 256 << 20;  // 100,000 mounts, each with a long path

// Fields of /proc/PID/mountinfo (proc(5)): id, parent, device, root, mount point, options, optional fields, "-", type,
// source, options of the file system.
constexpr size_t kMountPoint = 4;
constexpr size_t kOptionalFields = 6;

MountInfo Read(absl::string_view line) {
  MountInfo info;
  const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
  if (fields.size() > kMountPoint) info.mount_point = std::string(fields[kMountPoint]);
  info.options = std::string(fields.back());
  for (size_t i = kOptionalFields; i < fields.size() && fields[i] != "-"; ++i) {
    if (absl::StartsWith(fields[i], "shared:")) info.shared = true;
    if (absl::StartsWith(fields[i], "master:")) info.slave = true;
  }
  return info;
}

}  // namespace

absl::StatusOr<MountInfo> MountOf(const std::string& path) {
  struct statx info {};
  if (statx(AT_FDCWD, path.c_str(), 0, STATX_MNT_ID, &info) != 0)
    return ErrnoStatus(errno, absl::StrCat("stat ", path));
  if ((info.stx_mask & STATX_MNT_ID) == 0) return absl::InternalError("the kernel does not tell mounts (Linux 5.8)");
  ASSIGN_OR_RETURN(const std::string table, ReadFileAt(AT_FDCWD, "/proc/thread-self/mountinfo", kMaxMountInfo));
  const std::string id = absl::StrCat(info.stx_mnt_id, " ");
  for (absl::string_view line : absl::StrSplit(table, '\n')) {
    if (absl::StartsWith(line, id)) return Read(line);
  }
  return absl::InternalError(absl::StrCat("the mount of ", path, " is not in this mount namespace"));
}

}  // namespace crisp
