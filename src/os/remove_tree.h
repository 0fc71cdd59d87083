// Removing a directory tree of any depth with a bounded number of descriptors.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace crisp {

// Removes `name` in the directory `dir`, and all below it, without following links or crossing into another mount
// (EXDEV is an error: something is still mounted there, and what is below it is not ours to delete). OK if it is not
// there. Directories that lie very deep are moved up first, so neither descriptors nor the stack run out.
absl::Status RemoveTreeAt(int dir, const std::string& name);

}  // namespace crisp
