#include "config/key_path.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/url.h"

namespace crisp {
namespace {

constexpr char kCriPlugin[] = "io.containerd.grpc.v1.cri";
constexpr char kRuntimePlugin[] = "io.containerd.cri.v1.runtime";
constexpr char kImagesPlugin[] = "io.containerd.cri.v1.images";

// "cri/cni/bin_dir" with its first word replaced by the plugin that it stands for.
KeyPath Expand(absl::string_view text) {
  KeyPath path = absl::StrSplit(text, '/');
  absl::string_view plugin;
  if (path[0] == "cri" || path[0] == kServer) plugin = kCriPlugin;
  if (path[0] == kRuntime) plugin = kRuntimePlugin;
  if (path[0] == kImages) plugin = kImagesPlugin;
  if (plugin.empty()) return path;
  path[0] = std::string(plugin);
  path.insert(path.begin(), "plugins");
  return path;
}

bool MatchesAt(const KeyPath& pattern, const KeyPath& path, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (pattern[i] != "*" && pattern[i] != path[i]) return false;
  }
  return true;
}

bool IsBareKey(absl::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-'; });
}

// Levenshtein's distance: letters to add, drop or change.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

// Of the beginning of `pattern` that is as long as `path`; any name fits a star.
size_t Distance(const KeyPath& pattern, const KeyPath& path) {
  size_t sum = 0;
  for (size_t i = 0; i < path.size(); ++i) {
    if (pattern[i] != "*") sum += Distance(pattern[i], path[i]);
  }
  return sum;
}

// The beginning of `pattern` that is as long as `path`, with the names that `path` has for its stars.
KeyPath Fill(const KeyPath& pattern, const KeyPath& path) {
  KeyPath filled = path;
  for (size_t i = 0; i < path.size(); ++i) {
    if (pattern[i] != "*") filled[i] = pattern[i];
  }
  return filled;
}

// `pattern` where nothing is known of the names that the user chose.
std::string ShowPattern(KeyPath pattern) {
  for (std::string& name : pattern) {
    if (name == "*") name = "NAME";
  }
  return ShowPath(pattern);
}

std::string InOtherVersion(const KeyPath& unknown, int version) {
  for (const Key& key : Keys()) {
    if (Matches(PatternOf(key, 5 - version), unknown)) {
      KeyPath here = PatternOf(key, version);
      if (!here.empty()) return absl::StrCat(ShowPattern(here), ", its place in version ", version);
    }
  }
  return "";
}

std::string MostSimilar(const KeyPath& unknown, int version) {
  size_t best = std::max<size_t>(2, unknown.back().size() / 4) + 1;
  std::string similar;
  for (const Key& key : Keys()) {
    KeyPath pattern = PatternOf(key, version);
    if (key.policy == Policy::kRefused || pattern.size() < unknown.size() || pattern.back() == "**") continue;
    if (size_t distance = Distance(pattern, unknown); distance < best && distance > 0) {
      best = distance;
      similar = ShowPath(Fill(pattern, unknown));
    }
  }
  return similar;
}

std::string SameNameElsewhere(const KeyPath& unknown, int version) {
  for (const Key& key : Keys()) {
    KeyPath pattern = PatternOf(key, version);
    if (key.policy == Policy::kRefused || pattern.empty()) continue;
    if (absl::EqualsIgnoreCase(pattern.back(), unknown.back())) return ShowPattern(pattern);
  }
  return "";
}

}  // namespace

KeyPath PatternOf(const Key& key, int version) {
  absl::string_view moved = key.path3;
  if (version == 2 || moved == kSame) return Expand(key.path);
  if (moved == kNowhere) return {};
  if (absl::StrContains(moved, "/")) return Expand(moved);
  return Expand(absl::StrCat(moved, "/", absl::StripPrefix(key.path, "cri/")));
}

bool Matches(const KeyPath& pattern, const KeyPath& path) {
  if (pattern.empty()) return false;
  if (pattern.back() == "**") return path.size() >= pattern.size() && MatchesAt(pattern, path, pattern.size() - 1);
  return path.size() == pattern.size() && MatchesAt(pattern, path, path.size());
}

bool LeadsTo(const KeyPath& pattern, const KeyPath& path) {
  if (pattern.empty()) return false;
  if (pattern.back() == "**" && path.size() >= pattern.size()) return MatchesAt(pattern, path, pattern.size() - 1);
  return path.size() < pattern.size() && MatchesAt(pattern, path, path.size());
}

std::vector<std::string> NamesIn(const KeyPath& pattern, const KeyPath& path) {
  std::vector<std::string> names;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == "*") names.push_back(path[i]);
  }
  return names;
}

std::string ShowPath(const KeyPath& path) {
  return absl::StrJoin(path, ".", [](std::string* out, const std::string& name) {
    *out += IsBareKey(name) ? name : absl::StrCat("\"", absl::Utf8SafeCEscape(WithoutUserInfo(name)), "\"");
  });
}

std::string NearestKey(const KeyPath& unknown, int version) {
  std::string nearest = InOtherVersion(unknown, version);
  if (nearest.empty()) nearest = MostSimilar(unknown, version);
  if (nearest.empty()) nearest = SameNameElsewhere(unknown, version);
  return nearest;
}

}  // namespace crisp
