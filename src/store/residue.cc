#include "store/residue.h"

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

// A new name in the residue directory of the file system that `path` is on.
absl::StatusOr<std::string> PlaceFor(const Layout& layout, const std::string& path) {
  const bool in_state = absl::StartsWith(path, absl::StrCat(layout.state(), "/"));
  const std::string directory = in_state ? layout.StateResidue() : layout.RootResidue();
  RETURN_IF_ERROR(MakeDirs(directory, 0700));
  return absl::StrCat(directory, "/", path.substr(path.rfind('/') + 1), "-", WallNanos());
}

absl::Status SetAside(const Layout& layout, const std::string& path, std::string* place) {
  ASSIGN_OR_RETURN(const std::string chosen, PlaceFor(layout, path));
  if (rename(path.c_str(), chosen.c_str()) != 0) return ErrnoStatus(errno, absl::StrCat("rename to ", chosen));
  *place = chosen;
  return absl::OkStatus();
}

}  // namespace

absl::Status RemoveOrSetAside(const Layout& layout, const std::string& path) {
  const absl::Status removed = RemoveTree(path);
  if (removed.ok() || ErrnoOf(removed) == EXDEV || ErrnoOf(removed) == EBUSY) return removed;
  std::string place = path;
  const absl::Status moved = SetAside(layout, path, &place);
  LogError("cannot remove a directory; crisp leaves it and tries again later",
           {{"directory", place}, {"was", path}, {"error", Join(removed, moved).message()}});
  return absl::OkStatus();
}

void SweepResidue(const Layout& layout) {
  for (const std::string& directory : {layout.RootResidue(), layout.StateResidue()}) {
    const absl::StatusOr<std::vector<std::string>> names = ListDir(directory);
    if (!names.ok()) continue;  // nothing was ever set aside
    for (const std::string& name : *names) {
      const std::string path = absl::StrCat(directory, "/", name);
      const absl::Status removed = RemoveTree(path);
      if (removed.ok()) {
        LogInfo("removed a directory that could not be removed before", {{"directory", path}});
      } else {
        LogDebug("a directory still cannot be removed", {{"directory", path}, {"error", removed.message()}});
      }
    }
  }
}

}  // namespace crisp
