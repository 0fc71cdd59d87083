// FileMetadata: owner, mode, times and extended attributes of a file.
//
// A file is given by its own descriptor, or by the descriptor of its directory and its name there. Symbolic links are
// not followed. Errors are ErrnoStatus.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

using Xattrs = std::vector<std::pair<std::string, std::string>>;

struct FileMetadata {
  mode_t mode = 0;  // permissions, setuid, setgid and sticky bits; no type
  uid_t uid = 0;
  gid_t gid = 0;
  timespec mtime{};
  Xattrs xattrs;
};

// Overlayfs and crisp give these extended attributes a meaning, so those of an image are dropped.
inline constexpr absl::string_view kOpaqueXattr = "trusted.overlay.opaque";
bool IsReservedXattr(absl::string_view name);

// Reads the metadata without reserved xattrs. `info` is the file's stat.
absl::StatusOr<FileMetadata> ReadMetadata(int dir, const std::string& name, const struct stat& info);

// Sets the owner first, because chown(2) clears setuid bits and file capabilities; then mode, xattrs and times. For
// regular files and directories, open for reading or writing.
absl::Status ApplyMetadata(int fd, const FileMetadata& metadata, absl::string_view name);
// For every other type of file. `type` is the S_IFMT part of its mode.
absl::Status ApplyMetadataAt(int dir, const std::string& name, mode_t type, const FileMetadata& metadata);

absl::Status SetXattr(int fd, const std::string& name, absl::string_view value, absl::string_view file);
// Empty if the attribute is not set.
absl::StatusOr<std::string> GetXattr(int fd, const std::string& name, absl::string_view file);

// True if the attribute has the value "y", as overlayfs sets its marks.
absl::StatusOr<bool> HasMark(int fd, absl::string_view name, absl::string_view file);

}  // namespace crisp
