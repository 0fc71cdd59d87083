// Mounts, by the mount API of Linux 5.2: fsopen(2), fsmount(2), open_tree(2), move_mount(2), mount_setattr(2) (5.12).
// All paths are absolute, in the caller's mount namespace.
//
// Threading: from any thread. Errors: ErrnoStatus, naming the mount point, for new file systems with the kernel's
// message.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace crisp {

struct OverlayMount {
  std::vector<std::string> lower;  // top first; absolute
  std::string upper;               // empty: the overlay is read-only
  std::string work;
  std::string target;
};

inline constexpr size_t kMostLowerDirectories = 500;  // that overlayfs takes

// Mounts an overlay. Since Linux 6.7 ("lowerdir+") lower directories are given one by one, each path of at most 255
// bytes. On older kernels, or with longer paths, all of them must fit into one page of options. If they do not, they
// are given relative to the directory that they have in common, by a thread that works there: then 500 fit whose names
// there have at most six bytes. Paths with ',', ':' or '\\' are refused, because kernels read them differently.
absl::Status MountOverlay(const OverlayMount& mount);
// The same by mount(2), as on older kernels.
absl::Status MountOverlayByOptions(const OverlayMount& mount);
absl::Status MountTmpfs(const std::string& target, const std::string& size, const std::string& mode);
absl::Status BindMount(const std::string& source, const std::string& target);

// Detaches the topmost mount at `target`. OK if nothing is mounted there or `target` does not exist.
absl::Status Unmount(const std::string& target);

}  // namespace crisp
