// InstalledShim: a copy of crisp-shim that a node runs, and that a test exchanges as a package's upgrade does.
#pragma once

#include <string>

#include "e2e/node_paths.h"

namespace crisp::e2e {

// Not thread-safe. Throws std::runtime_error.
class InstalledShim {
 public:
  // Copies the program and has the node's configuration name the copy. A crispd that is started from now on uses it.
  explicit InstalledShim(const NodePaths& paths);

  const std::string& path() const { return path_; }

  // The new file takes the place of the old one, which processes run on.
  void Install(const std::string& content) const;
  // The same program with another build id.
  void InstallNewer() const;

 private:
  const std::string path_;
};

}  // namespace crisp::e2e
