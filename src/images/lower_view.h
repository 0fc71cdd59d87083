// LowerView: the layers below one, as a container would see them merged, without a mount (one would be left over when
// the daemon is killed). Reads the directories as overlayfs does: the upper one wins, a character device 0:0 hides what
// is below its name, trusted.overlay.opaque what is below its directory.
//
// The layers are finished, so nothing changes below it. Thread-compatible. Errors are ErrnoStatus.
#pragma once

#include <sys/stat.h>

#include <string>
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
  Fd dir;  // the directory it is in
  std::string name;
};

class LowerView {
 public:
  // The directories of the layers, topmost first.
  explicit LowerView(std::vector<Fd> layers) : layers_(std::move(layers)) {}

  // What is at `path`, of which only the last component may be a symbolic link; empty names the root directory.
  absl::StatusOr<LowerFile> Find(absl::Span<const std::string> path) const;

 private:
  std::vector<Fd> layers_;
};

// True for what overlayfs takes as "there is nothing of this name".
inline bool IsWhiteout(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == 0;
}

// The target of a symbolic link.
absl::StatusOr<std::string> ReadLinkAt(int dir, const std::string& name);

}  // namespace crisp
