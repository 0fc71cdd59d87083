// What an image has at the place of a volume: copied to a directory of the host, which is then mounted there.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace crisp {

// Copies the content of the directory `path` of the root file system mounted at `rootfs` into `target`, a new directory
// made with the owner and mode of that one (0755 of `owner` if the image has none there). `path` is resolved inside the
// root, whatever links it is made of (CVE-2022-23648), and no link below it is followed. Owners, modes, times, extended
// attributes and special files are kept, sockets are not copied; a file with several names becomes several.
// InvalidArgument if `path` is a file or its tree is more than 200 directories deep. After an error part of the copy
// may be there.
struct VolumeOwner {
  uint32_t uid = 0;
  uint32_t gid = 0;
};
absl::Status CopyVolumeContent(const std::string& rootfs, const std::string& path, const std::string& target,
                               VolumeOwner owner);

}  // namespace crisp
