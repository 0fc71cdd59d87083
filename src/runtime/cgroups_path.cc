#include "runtime/cgroups_path.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "runtime/field_error.h"

namespace crisp {
namespace {

// A slice's name holds its ancestors' ("a-b.slice" is in "a.slice"), so the last component says all.
std::string SliceOf(const std::string& parent) {
  const absl::string_view trimmed = absl::StripSuffix(parent, "/");
  return std::string(trimmed.substr(trimmed.rfind('/') + 1));
}

}  // namespace

std::string CgroupsPath(bool systemd, const std::string& parent, const std::string& id) {
  if (systemd) {
    const std::string slice = parent.empty() ? "system.slice" : SliceOf(parent);
    return absl::StrCat(slice, ":crisp:", id);
  }
  std::string path;
  for (absl::string_view part : absl::StrSplit(parent, '/', absl::SkipEmpty())) {
    absl::StrAppend(&path, "/", part);
  }
  return absl::StrCat(path, "/", id);
}

absl::Status CheckCgroupParent(bool systemd, const std::string& parent) {
  if (!systemd || parent.empty()) return absl::OkStatus();
  const std::string slice = SliceOf(parent);
  const absl::string_view stem = absl::StripSuffix(slice, ".slice");
  const bool named = stem.size() < slice.size() && !stem.empty();
  // systemd.unit(5), for what a unit's name may have; systemd.slice(5), for the dashes.
  const bool clean = std::all_of(stem.begin(), stem.end(),
                                 [](char c) { return absl::ascii_isalnum(c) || absl::StrContains("_.-\\", c); });
  const bool dashed =
      stem != "-" && (absl::StartsWith(stem, "-") || absl::EndsWith(stem, "-") || absl::StrContains(stem, "--"));
  if (named && clean && !dashed) return absl::OkStatus();
  return InvalidField(
      "config.linux.cgroup_parent",
      absl::StrCat("\"", parent,
                   "\" is not a systemd slice, which the systemd cgroup driver needs (\"name.slice\"); do "
                   "kubelet and crispd use the same cgroup driver?"));
}

}  // namespace crisp
