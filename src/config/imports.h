// The files that a configuration file names in `imports`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
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

// Which file imports which. Not thread-safe.
class ImportGraph {
 public:
  // An error if `file` leads back to `importer`: it names the files on the way. The file need not have been read.
  absl::Status Add(const std::string& importer, const std::string& file);

 private:
  // From `file` to `target`, both included; empty: there is no way.
  std::vector<std::string> Way(const std::string& file, const std::string& target) const;

  std::map<std::string, std::vector<std::string>> imports_;  // by identity
  std::map<std::string, std::string> paths_;                 // by identity, as first named
};

}  // namespace crisp
