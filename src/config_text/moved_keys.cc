#include "config_text/moved_keys.h"

#include <algorithm>
#include <string>

#include "absl/status/statusor.h"
#include "base/url.h"
#include "config/key.h"
#include "config_text/config_file_text.h"

namespace crisp {
namespace {

// `pattern` with the names that `path` has for the stars of `from`, of which it may be only a beginning.
KeyPath Fill(KeyPath pattern, const KeyPath& from, const KeyPath& path) {
  auto star = pattern.begin();
  for (size_t i = 0; i < std::min(from.size(), path.size()); ++i) {
    if (from[i] != "*") continue;
    star = std::find(star, pattern.end(), "*");
    if (star != pattern.end()) *star++ = path[i];
  }
  return pattern;
}

bool EndsLike(const KeyPath& a, const KeyPath& b, size_t count) {
  return a.size() >= count && b.size() >= count && std::equal(a.end() - count, a.end(), b.end() - count);
}

// registry.auths."URL".NAME as registry.configs.HOST.auth.NAME.
KeyPath WithoutLegacyAuth(const KeyPath& path) {
  if (path.size() < 5 || path[2] != "registry" || path[3] != "auths") return path;
  const absl::StatusOr<Url> url = ParseUrl(path[4]);
  if (!url.ok()) return path;
  KeyPath later = path;
  later[3] = "configs";
  later[4] = url->host;
  later.insert(later.begin() + 5, "auth");
  return later;
}

KeyPath WithLaterNames(const KeyPath& path) {
  KeyPath later = WithoutLegacyAuth(path);
  if (later.size() > 2 && later.back() == "sandbox_mode" && later[later.size() - 3] == "runtimes") {
    later.back() = "sandboxer";
  }
  return later;
}

// The key of version 2 that `path` is; those without stars first.
const Key* FindKey(const KeyPath& path) {
  const Key* found = nullptr;
  for (const Key& key : Keys()) {
    const KeyPath pattern = PatternOf(key, 2);
    if (!Matches(pattern, path)) continue;
    const bool exact = pattern == path;
    if (found == nullptr || exact) found = &key;
    if (exact) break;
  }
  return found;
}

}  // namespace

std::optional<KeyPath> PlaceOfKey(const KeyPath& path, int version) {
  const KeyPath later = WithLaterNames(path);
  if (version >= kWrittenVersion) return later;
  const Key* key = FindKey(later);
  if (key == nullptr) {
    const std::optional<KeyPath> table = PlaceOfTable(KeyPath(later.begin(), later.end() - 1), version);
    if (!table) return std::nullopt;
    KeyPath place = *table;
    place.push_back(later.back());
    return place;
  }
  const KeyPath from = PatternOf(*key, 2), to = PatternOf(*key, kWrittenVersion);
  if (to.empty()) return std::nullopt;
  return from.back() == "**" ? later : Fill(to, from, later);
}

std::optional<KeyPath> PlaceOfTable(const KeyPath& path, int version) {
  if (version >= kWrittenVersion || path.size() < 2 || path[0] != "plugins") return path;
  bool has_place = true;
  for (const Key& key : Keys()) {
    const KeyPath from = PatternOf(key, 2);
    const bool is_table = key.type == ValueType::kTable && Matches(from, path);
    if (!is_table && !LeadsTo(from, path)) continue;
    KeyPath to = PatternOf(key, kWrittenVersion);
    if (to.empty()) {
      has_place = false;
      continue;
    }
    const size_t below = from.size() - std::min(from.size(), path.size());
    if (from.back() == "**") return path;
    if (!EndsLike(from, to, below)) continue;
    to.resize(to.size() - below);
    return Fill(to, from, path);
  }
  return has_place ? std::optional<KeyPath>(path) : std::nullopt;
}

}  // namespace crisp
