// FileMetadata: what a layer says about a file besides its name and its content.
//
// A file is named by the descriptor of its directory and its name there, which is never followed if it is a symbolic
// link, or by its own descriptor. Errors are ErrnoStatus.
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

// Extended attributes by which overlayfs, or crisp, would take a file for something else than the image says.
inline constexpr absl::string_view kOpaqueXattr = "trusted.overlay.opaque";
bool IsReservedXattr(absl::string_view name);

// With the xattrs that are not reserved. `info` is its stat.
absl::StatusOr<FileMetadata> ReadMetadata(int dir, const std::string& name, const struct stat& info);

// Owner first, because that takes setuid bits and file capabilities away; then mode, xattrs, and the times last.
// The file is a regular one or a directory, open for reading or writing.
absl::Status ApplyMetadata(int fd, const FileMetadata& metadata, absl::string_view name);
// Any other: `type` is of S_IFMT.
absl::Status ApplyMetadataAt(int dir, const std::string& name, mode_t type, const FileMetadata& metadata);

absl::Status SetXattr(int fd, const std::string& name, absl::string_view value, absl::string_view file);
// Empty if it is not set.
absl::StatusOr<std::string> GetXattr(int fd, const std::string& name, absl::string_view file);

// Whether an attribute of overlayfs' kind is set: to "y".
absl::StatusOr<bool> HasMark(int fd, absl::string_view name, absl::string_view file);

}  // namespace crisp
