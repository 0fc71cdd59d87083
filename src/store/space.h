// CheckSpace: whether files can be created in a directory.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace crisp {

// Makes a nameless file of 1 MiB in `directory`. The error says what is wrong with its file system and what to do:
// ResourceExhausted if it is full, FailedPrecondition if it is read-only.
absl::Status ProbeSpace(const std::string& directory);

// Asks statvfs(2), and where that shows little space ProbeSpace: file systems keep blocks back, some of which root may
// use. FailedPrecondition if the file system is read-only, ResourceExhausted if it has less than 1 MiB or 16 inodes
// left; the text names `directory` and says what to do. The errno of statvfs if there is no directory.
absl::Status CheckSpace(const std::string& directory);

}  // namespace crisp
