// Removes directory trees of any depth with a bounded number of descriptors.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace crisp {

// Removes `name` in the directory `dir` and everything below it. Follows no links and does not enter another mount:
// something is still mounted there, which is the error EXDEV. OK if `name` does not exist. Directories that lie very
// deep are moved to the top first, so that neither descriptors nor the stack run out. Flags that forbid the removal
// (immutable, append only) are cleared. The error is that of the first step that fails, with its path.
absl::Status RemoveTreeAt(int dir, const std::string& name);

}  // namespace crisp
