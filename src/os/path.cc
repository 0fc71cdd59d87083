#include "os/path.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace crisp {

std::string LexicallyNormalPath(absl::string_view path) {
  if (path.empty()) return "";
  const bool absolute = absl::StartsWith(path, "/");
  std::vector<absl::string_view> kept;
  for (const absl::string_view component : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (component == ".") continue;
    if (component != "..") {
      kept.push_back(component);
    } else if (!kept.empty() && kept.back() != "..") {
      kept.pop_back();
    } else if (!absolute) {
      kept.push_back(component);  // the parent of "/" is "/"
    }
  }
  const std::string joined = absl::StrJoin(kept, "/");
  if (absolute) return absl::StrCat("/", joined);
  return joined.empty() ? "." : joined;
}

}  // namespace crisp
