// LowerView: the merged view of the layers below a layer, without a mount, which would be left over if the daemon is
// killed. Reads the directories as overlayfs does: the upper entry wins, a character device 0:0 hides the entry of its
// name in the layers below, and trusted.overlay.opaque hides the contents of its directory there.
//
// The layers are finished and do not change. Thread-compatible. Errors are ErrnoStatus.
#pragma once

#include <sys/stat.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "images/file_metadata.h"
#include "os/fd.h"

namespace crisp {

// A file in one of the layers.
struct LowerFile {
  bool exists = false;
  struct stat info {};
  Fd dir;  // the directory that contains it
  std::string name;
};

class LowerView {
 public:
  // `layers` are the paths of the layers' directories, topmost first. No descriptor is held, since there can be
  // hundreds.
  explicit LowerView(std::vector<std::string> layers) : layers_(std::move(layers)) {}

  // The entry at `path`, of which only the last component may be a symbolic link. An empty path is the root directory.
  absl::StatusOr<LowerFile> Find(absl::Span<const std::string> path) const;

  // Those of `names` that can be seen in the directory at `path`. None if it is no directory.
  absl::StatusOr<std::vector<std::string>> Visible(absl::Span<const std::string> path,
                                                   std::set<std::string> names) const;

 private:
  std::vector<std::string> layers_;
};

// True for the marker by which overlayfs hides a name.
inline bool IsWhiteout(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == 0;
}

// The target of a symbolic link.
absl::StatusOr<std::string> ReadLinkAt(int dir, const std::string& name);

}  // namespace crisp
