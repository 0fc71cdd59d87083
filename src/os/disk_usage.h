// The disk usage of a directory tree.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "os/fd.h"

namespace crisp {

struct DiskUsage {
  uint64_t bytes = 0;  // blocks in use, as du(1) counts them
  uint64_t inodes = 0;
};

// Adds the usage of `directory` and everything below it to `usage`. Follows no links and stays on the file system. Does
// not count what vanishes meanwhile, nor what lies more than 256 levels deep, which bounds the number of descriptors. A
// file with N hard links adds a Nth of its blocks for each. Stops with the error of `call` when that is over.
absl::Status AddDiskUsage(Fd directory, DiskUsage* usage, const CallContext& call = CallContext());

}  // namespace crisp
