// CheckSpace: whether files can be created in a directory.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace crisp {

// Asks statvfs(2). FailedPrecondition if the file system is read-only, ResourceExhausted if it has less than 1 MiB or
// 16 inodes left for root; the text names `directory` and says what to do. The errno of statvfs if there is no
// directory.
absl::Status CheckSpace(const std::string& directory);

}  // namespace crisp
