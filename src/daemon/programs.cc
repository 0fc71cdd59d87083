#include "daemon/programs.h"

#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/default_path.h"

namespace crisp {

absl::StatusOr<std::string> FindProgram(const std::string& name) {
  if (!name.empty() && name[0] == '/') {
    if (access(name.c_str(), X_OK) == 0) return name;
    return absl::FailedPreconditionError(absl::StrCat("no program ", name, "; install it"));
  }
  const char* path = getenv("PATH");
  const std::vector<std::string> directories = absl::StrSplit(path != nullptr ? path : kDefaultPath, ':');
  for (const std::string& directory : directories) {
    const std::string candidate = absl::StrCat(directory, "/", name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return absl::FailedPreconditionError(absl::StrCat("no program ", name, " in PATH; install it and restart crispd"));
}

absl::StatusOr<std::string> FindShim(const std::string& configured) {
  if (!configured.empty()) return configured;
  char self[PATH_MAX] = {};
  if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0) {
    const absl::string_view path = self;
    const std::string beside = absl::StrCat(path.substr(0, path.rfind('/')), "/crisp-shim");
    if (access(beside.c_str(), X_OK) == 0) return beside;
  }
  return FindProgram("crisp-shim");
}

}  // namespace crisp
