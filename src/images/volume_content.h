// Copies the content of an image at the path of a volume to a directory of the host, which is then mounted there.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace crisp {

class CallContext;

// Copies the content of the directory `path` of the root file system mounted at `rootfs` into `target`, a new directory
// with the same owner and mode (0755 of `owner` if the image does not have `path`). Links in `path` are resolved inside
// the root (CVE-2022-23648), and links below it are not followed. Owners, modes, times, extended attributes and special
// files are kept. Sockets are not copied. A file with several names becomes several files.
// Holes in files are kept.
// InvalidArgument if `path` is a file or its tree is more than 200 directories deep; ResourceExhausted if the file
// system of `target` has not enough space, before it is full; DeadlineExceeded or Cancelled when `call` is over. After
// an error the copy may be incomplete.
struct VolumeOwner {
  uint32_t uid = 0;
  uint32_t gid = 0;
};
absl::Status CopyVolumeContent(const std::string& rootfs, const std::string& path, const std::string& target,
                               VolumeOwner owner, const CallContext& call);

}  // namespace crisp
