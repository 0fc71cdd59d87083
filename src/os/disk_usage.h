// What a directory tree takes on disk.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call.h"
#include "os/fd.h"

namespace crisp {

struct DiskUsage {
  uint64_t bytes = 0;  // blocks in use, as du(1) counts them
  uint64_t inodes = 0;
};

// Adds the tree below `directory`, itself included, to `usage`. Follows no links and does not leave the file system.
// What vanishes meanwhile is not counted; neither is what lies more than 256 levels deep, which keeps the number of
// open descriptors small. A file with several names counts as so many parts of one. Ends with the error of `call` once
// that is over.
absl::Status AddDiskUsage(Fd directory, DiskUsage* usage, const Call& call = Call());

}  // namespace crisp
