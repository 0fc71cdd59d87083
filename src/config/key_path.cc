#include "config/key_path.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

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

// How many letters may differ in a word for which another was probably meant.
size_t Slips(size_t length) {
  return length < 4 ? 0 : length < 6 ? 1 : 2;
}

std::string Letters(absl::string_view name) {
  std::string letters = absl::AsciiStrToLower(name);
  letters.erase(std::remove_if(letters.begin(), letters.end(), [](char c) { return c == '_' || c == '-'; }),
                letters.end());
  return letters;
}

// Whether `a` is `b` but for a slip in one of its words.
bool IsSlipOf(absl::string_view a, absl::string_view b) {
  if (Letters(a) == Letters(b)) return true;
  const std::vector<absl::string_view> words = absl::StrSplit(a, absl::ByAnyChar("._-"));
  const std::vector<absl::string_view> others = absl::StrSplit(b, absl::ByAnyChar("._-"));
  if (words.size() != others.size()) return false;
  size_t slips = 0;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == others[i]) continue;
    if (++slips > 1 || Distance(words[i], others[i]) > Slips(std::min(words[i].size(), others[i].size()))) return false;
  }
  return true;
}

// Whether `path` is the beginning of `pattern` but for a slip in one name.
bool IsSlipOf(const KeyPath& path, const KeyPath& pattern) {
  size_t slips = 0;
  for (size_t i = 0; i < path.size(); ++i) {
    if (pattern[i] == "*" || pattern[i] == path[i]) continue;
    if (++slips > 1 || !IsSlipOf(path[i], pattern[i])) return false;
  }
  return slips == 1;
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

// The place of the key or table `unknown` of another version, if it is one of `key`.
KeyPath PlaceOf(const Key& key, const KeyPath& unknown, int other, int version) {
  const KeyPath there = PatternOf(key, other);
  KeyPath here = PatternOf(key, version);
  if (here.empty() || (!Matches(there, unknown) && !LeadsTo(there, unknown))) return {};
  const size_t below = there.size() - std::min(there.size(), unknown.size());
  if (here.size() <= below || !std::equal(here.end() - below, here.end(), there.end() - below)) return {};
  here.resize(here.size() - below);
  return here;
}

std::string InOtherVersion(const KeyPath& unknown, int version) {
  for (int other = 2; other <= kNewestVersion; ++other) {
    for (const Key& key : Keys()) {
      const KeyPath here = PlaceOf(key, unknown, other, version);
      if (other != version && !here.empty()) {
        return absl::StrCat(ShowPattern(here), ", its place in version ", version);
      }
    }
  }
  return "";
}

// The table or key of a plugin that has the name that it had in version 1. Later versions have most keys elsewhere.
std::string InVersion1(KeyPath path, int version) {
  if (version > 2 || path.size() < 2 || path[0] != "plugins") return "";
  const std::string name = PluginOfVersion1(path[1]);
  if (name == std::exchange(path[1], name)) return "";
  for (const Key& key : Keys()) {
    const KeyPath pattern = PatternOf(key, version);
    if (Matches(pattern, path) || LeadsTo(pattern, path))
      return absl::StrCat(ShowPath(path), ", its name since version 2");
  }
  return "";
}

// The one of `candidates`; empty if there are several.
std::string OnlyOne(const std::set<std::string>& candidates) {
  return candidates.size() == 1 ? *candidates.begin() : "";
}

std::string MostSimilar(const KeyPath& unknown, int version) {
  std::set<std::string> similar;
  for (const Key& key : Keys()) {
    const KeyPath pattern = PatternOf(key, version);
    if (key.policy != Policy::kHonoured || pattern.size() < unknown.size()) continue;
    if (IsSlipOf(unknown, pattern)) similar.insert(ShowPath(Fill(pattern, unknown)));
  }
  return OnlyOne(similar);
}

bool IsOfSamePlugin(const KeyPath& a, const KeyPath& b) {
  const size_t names = a[0] == "plugins" ? 2 : 1;
  return a.size() > names && b.size() > names && std::equal(a.begin(), a.begin() + names, b.begin());
}

std::string SameNameElsewhere(const KeyPath& unknown, int version) {
  std::set<std::string> same;
  for (const Key& key : Keys()) {
    const KeyPath pattern = PatternOf(key, version);
    if (key.policy != Policy::kHonoured || pattern.empty() || !IsOfSamePlugin(pattern, unknown)) continue;
    if (absl::EqualsIgnoreCase(pattern.back(), unknown.back())) same.insert(ShowPattern(pattern));
  }
  return OnlyOne(same);
}

// Where version 4 has the tables and keys that were at the top of the file; the first that fits counts.
struct Move {
  const char* from;
  const char* to;
};
constexpr Move kMovesOfVersion4[] = {
    {"grpc/tcp_", "plugins/io.containerd.server.v1.grpc-tcp/"},
    {"grpc/", "plugins/io.containerd.server.v1.grpc/"},
    {"ttrpc/", "plugins/io.containerd.server.v1.ttrpc/"},
    {"debug/address", "plugins/io.containerd.server.v1.debug/address"},
    {"debug/uid", "plugins/io.containerd.server.v1.debug/uid"},
    {"debug/gid", "plugins/io.containerd.server.v1.debug/gid"},
    {"metrics/address", "plugins/io.containerd.server.v1.metrics/address"},
    {"metrics/grpc_histogram", "plugins/io.containerd.metrics.v1.grpc-prometheus/grpc_histogram"},
};

std::string InVersion4(absl::string_view path) {
  for (const Move& move : kMovesOfVersion4) {
    if (absl::ConsumePrefix(&path, move.from)) return absl::StrCat(move.to, path);
  }
  return std::string(path);
}

}  // namespace

KeyPath PatternOf(const Key& key, int version) {
  const absl::string_view moved = key.path3;
  if (version >= 4 && moved == kSame) return Expand(InVersion4(key.path));
  if (version <= 2 || moved == kSame) return Expand(key.path);
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
    *out +=
        IsBareKey(name) || name == "[]" ? name : absl::StrCat("\"", absl::Utf8SafeCEscape(WithoutUserInfo(name)), "\"");
  });
}

std::string PluginOfVersion1(const std::string& name) {
  static const std::map<std::string, std::string> kNames = {
      {"aufs", "io.containerd.snapshotter.v1.aufs"},
      {"bolt", "io.containerd.metadata.v1.bolt"},
      {"btrfs", "io.containerd.snapshotter.v1.btrfs"},
      {"cgroups", "io.containerd.monitor.v1.cgroups"},
      {"cri", "io.containerd.grpc.v1.cri"},
      {"devmapper", "io.containerd.snapshotter.v1.devmapper"},
      {"linux", "io.containerd.runtime.v1.linux"},
      {"native", "io.containerd.snapshotter.v1.native"},
      {"opt", "io.containerd.internal.v1.opt"},
      {"otlp", "io.containerd.tracing.processor.v1.otlp"},
      {"overlayfs", "io.containerd.snapshotter.v1.overlayfs"},
      {"restart", "io.containerd.internal.v1.restart"},
      {"scheduler", "io.containerd.gc.v1.scheduler"},
      {"task", "io.containerd.runtime.v2.task"},
      {"tracing", "io.containerd.internal.v1.tracing"},
      {"zfs", "io.containerd.snapshotter.v1.zfs"},
  };
  if (absl::StrContains(name, ".")) return name;
  if (const auto found = kNames.find(name); found != kNames.end()) return found->second;
  return absl::StrCat(absl::EndsWith(name, "-service") ? "io.containerd.service.v1." : "io.containerd.grpc.v1.", name);
}

std::string NearestKey(const KeyPath& unknown, int version) {
  std::string nearest = InVersion1(unknown, version);
  if (nearest.empty()) nearest = InOtherVersion(unknown, version);
  if (nearest.empty()) nearest = MostSimilar(unknown, version);
  if (nearest.empty()) nearest = SameNameElsewhere(unknown, version);
  return nearest;
}

}  // namespace crisp
