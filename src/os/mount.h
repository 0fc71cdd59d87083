// Mounts by the mount API of Linux 5.2: fsopen(2), fsmount(2), open_tree(2), move_mount(2), mount_setattr(2) (5.12).
// All take absolute paths in the caller's mount namespace. Errors name the mount point, and for new file systems carry
// the kernel's own log of what was wrong.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace crisp {

struct OverlayMount {
  std::vector<std::string> lower;  // top first; absolute
  std::string upper;               // empty: a read-only overlay
  std::string work;
  std::string target;
};

// Any number of lower directories that overlayfs takes (500), each of at most 255 bytes, on Linux 6.7 and later, by
// "lowerdir+". Before, or with longer paths, as many as fit into one page of options: some 150 with short names.
// Paths with ',', ':' or '\\' in them are refused: old and new kernels read them differently.
absl::Status MountOverlay(const OverlayMount& mount);
// The way of the older kernels, by mount(2).
absl::Status MountOverlayByOptions(const OverlayMount& mount);
absl::Status MountTmpfs(const std::string& target, const std::string& size, const std::string& mode);
absl::Status BindMount(const std::string& source, const std::string& target);

// Detaches the topmost mount at `target`. OK if nothing is mounted there or it does not exist.
absl::Status Unmount(const std::string& target);

}  // namespace crisp
