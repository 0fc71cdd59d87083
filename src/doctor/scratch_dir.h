// ScratchDir: a directory for trials, and the trials that need one: what a file system can do is tried, not guessed
// from its name.
//
// The directory is called "doctor-XXXXXX" and is removed by the destructor. If the doctor is killed before, it stays,
// and may be removed by hand.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace crisp {

class ScratchDir {
 public:
  // In `parent`, or if that does not exist in the nearest directory above it: the same file system, unless one is to be
  // mounted. Errors: ErrnoStatus.
  static absl::StatusOr<ScratchDir> Make(std::string parent);
  ScratchDir(ScratchDir&& other) noexcept;
  ScratchDir& operator=(ScratchDir&&) = delete;
  ~ScratchDir();

  const std::string& path() const { return path_; }

 private:
  explicit ScratchDir(std::string path) : path_(std::move(path)) {}
  std::string path_;  // empty after a move
};

// `path`, or the nearest directory above it that exists.
std::string NearestExisting(std::string path);

// Mounts an overlay of directories in `scratch`, and removes a file of its lower one, for which overlayfs makes a
// whiteout in the upper one. The mount is in a mount namespace of its own, which ends with the trial. The kernel may
// load its module for it. Needs CAP_SYS_ADMIN.
absl::Status TryOverlay(const std::string& scratch);

// Sets an extended attribute as overlayfs does (trusted.*). Needs CAP_SYS_ADMIN.
absl::Status TryAttributes(const std::string& scratch);

// Whether readdir(3) tells the types of files (d_type): overlayfs needs it, and XFS made with ftype=0 does not.
absl::Status TryFileTypes(const std::string& scratch);

}  // namespace crisp
