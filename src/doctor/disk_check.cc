#include "doctor/disk_check.h"

#include <linux/magic.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "doctor/finding.h"
#include "doctor/scratch_dir.h"
#include "doctor/subject.h"
#include "doctor/units.h"
#include "os/file.h"
#include "store/layout.h"
#include "store/space.h"

namespace crisp {
namespace {

// Where the kubelet begins to evict pods and to collect images (its defaults: imagefs.available<15%,
// nodefs.inodesFree<5%).
constexpr uint64_t kFewBytes = 15;  // percent
constexpr uint64_t kFewInodes = 5;
constexpr size_t kNamesShown = 5;

std::string TypeOf(const std::string& path) {
  struct statfs info {};
  if (statfs(path.c_str(), &info) != 0) return "unknown";
  switch (static_cast<unsigned long>(info.f_type)) {
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case XFS_SUPER_MAGIC:
      return "xfs";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case TMPFS_MAGIC:
      return "tmpfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlay";
    case NFS_SUPER_MAGIC:
      return "nfs";
    case FUSE_SUPER_MAGIC:
      return "fuse";
    default:
      return absl::StrCat("type 0x", absl::Hex(info.f_type));
  }
}

uint64_t Percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 100 : part * 100 / whole;
}

void JudgeSpace(const char* item, const std::string& path, const struct statvfs& info, Findings* findings) {
  const uint64_t free = static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  const uint64_t free_percent = Percent(info.f_bavail, info.f_blocks);
  const uint64_t inodes_percent = Percent(info.f_favail, info.f_files);  // btrfs has no number of them
  const std::string text =
      absl::StrCat(TypeOf(path), ", ", BytesText(free), " free (", free_percent, " %), ",
                   info.f_files == 0 ? "inodes without a limit" : absl::StrCat("inodes free: ", inodes_percent, " %"));
  if (free_percent >= kFewBytes && inodes_percent >= kFewInodes) return findings->Ok(item, path, text);
  findings->Warn(item, path, absl::StrCat(text, ": the kubelet removes images and evicts pods"),
                 "make room: crictl rmi --prune removes unused images; enlarge the file system");
}

void LookAtSpace(const char* item, const std::string& directory, Findings* findings) {
  const std::string path = NearestExisting(directory);
  const absl::Status space = CheckSpace(path);
  if (!space.ok()) {
    return findings->Problem(item, path, std::string(space.message()),
                             "make room or mount it writable; what is there can be stopped and removed meanwhile");
  }
  struct statvfs info {};
  if (statvfs(path.c_str(), &info) == 0) JudgeSpace(item, path, info, findings);
}

void Judge(const char* item, const std::string& path, const absl::Status& status, const std::string& remedy,
           Findings* findings) {
  if (status.ok()) return findings->Ok(item, path, "tried, and works");
  findings->Problem(item, path, std::string(status.message()), remedy);
}

void TryLayers(const std::string& root, Findings* findings) {
  const absl::StatusOr<ScratchDir> scratch = ScratchDir::Make(root);
  if (!scratch.ok()) {
    return findings->Note("overlay", root, absl::StrCat("not tried: ", scratch.status().message()));
  }
  const std::string& path = scratch->path();
  const std::string move = "put root on ext4, XFS (with ftype=1) or btrfs";
  Judge("file_types", root, TryFileTypes(path), move, findings);
  Judge("attributes", root, TryAttributes(path), absl::StrCat(move, "; run as root"), findings);
  Judge("overlay", root, TryOverlay(path), absl::StrCat("modprobe overlay; ", move), findings);
}

void LookAtResidue(const std::string& directory, Findings* findings) {
  const std::vector<std::string> names = ListDir(directory).value_or(std::vector<std::string>());
  if (names.empty()) return findings->Ok("residue", directory, "nothing is left over");
  const std::vector<std::string> shown(names.begin(), names.begin() + std::min(names.size(), kNamesShown));
  findings->Warn(
      "residue", directory,
      absl::StrCat(names.size(), " directories could not be removed: ", absl::StrJoin(shown, ", ")),
      "look for a damaged file system (dmesg) or immutable files (lsattr); crispd tries again with each removal");
}

}  // namespace

void CheckDisk(const Subject& subject, Findings* findings, const CallContext&) {
  const Layout layout = subject.layout();
  LookAtSpace("root", layout.root(), findings);
  LookAtSpace("state", layout.state(), findings);
  TryLayers(layout.root(), findings);
  LookAtResidue(layout.RootResidue(), findings);
  LookAtResidue(layout.StateResidue(), findings);
}

}  // namespace crisp
