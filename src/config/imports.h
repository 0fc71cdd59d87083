// The files that a configuration file names in `imports`.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace crisp {

struct ImportedFile {
  std::string path;
  bool by_glob;
};

// The files that `pattern` means in the file `importer`: itself, or what a "*" in it matches, in the order of their
// names. A relative one starts at the importer's directory. An error is a directory that cannot be read; that nothing
// matches is none.
absl::StatusOr<std::vector<ImportedFile>> FindImports(const std::string& importer, const std::string& pattern);

// One name for all paths of a file, so that a cycle is noticed also where links lead round.
std::string IdentityOfFile(const std::string& path);

}  // namespace crisp
