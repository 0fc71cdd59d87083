#include "config_text/explain.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "config/at_start.h"
#include "config/key_path.h"
#include "config/key_texts.h"
#include "config_text/toml_text.h"

namespace crisp {
namespace {

constexpr size_t kWidth = 80;

using Words = std::vector<std::string>;

// Names and parts of names: plugins have dots in theirs.
Words WordsOf(absl::string_view dotted) {
  return absl::StrSplit(absl::StrReplaceAll(dotted, {{"\"", ""}, {"'", ""}, {"[", ""}, {"]", ""}}), '.',
                        absl::SkipEmpty());
}

// Whether the words from `i` on are those of the pattern from `p` on, where a star is one word or more; but one only at
// the end, where it would take the names of other keys.
bool MatchesFrom(const Words& pattern, size_t p, const Words& words, size_t i) {
  if (p == pattern.size()) return i == words.size();
  if (i == words.size()) return false;
  if (pattern[p][0] != '*') return pattern[p] == words[i] && MatchesFrom(pattern, p + 1, words, i + 1);
  const bool is_last = pattern[p] == "*" && p + 1 == pattern.size();
  return MatchesFrom(pattern, p + 1, words, i + 1) || (!is_last && MatchesFrom(pattern, p, words, i + 1));
}

bool IsWhole(const Words& pattern, const Words& words) {
  return pattern == words;
}

bool MatchesWhole(const Words& pattern, const Words& words) {
  return MatchesFrom(pattern, 0, words, 0);
}

bool IsEnd(const Words& pattern, const Words& words) {
  return pattern.size() > words.size() && std::equal(words.begin(), words.end(), pattern.end() - words.size());
}

bool MatchesEnd(const Words& pattern, const Words& words) {
  for (size_t start = 0; start < pattern.size(); ++start) {
    if (pattern[start][0] != '*' && MatchesFrom(pattern, start, words, 0)) return true;
  }
  return false;
}

// All spellings of the key: that of each version, and those with the plugin's name of version 1.
std::vector<Words> SpellingsOf(const Key& key) {
  std::vector<Words> spellings = {absl::StrSplit(key.path, absl::ByAnyChar("/."))};
  for (int version = 2; version <= kNewestVersion; ++version) {
    if (const KeyPath path = PatternOf(key, version); !path.empty())
      spellings.push_back(WordsOf(absl::StrJoin(path, ".")));
  }
  if (spellings[0][0] == "cri") {
    spellings.push_back(spellings[0]);
    spellings.back().insert(spellings.back().begin(), "plugins");
  }
  return spellings;
}

std::vector<const Key*> KeysWith(const Words& words, bool (*match)(const Words& pattern, const Words& words)) {
  std::vector<const Key*> keys;
  for (const Key& key : Keys()) {
    const std::vector<Words> spellings = SpellingsOf(key);
    if (std::any_of(spellings.begin(), spellings.end(), [&](const Words& pattern) { return match(pattern, words); })) {
      keys.push_back(&key);
    }
  }
  return keys;
}

std::string Shown(KeyPath pattern) {
  for (std::string& name : pattern) {
    if (name == "*") name = "NAME";
  }
  if (pattern.back() == "**") pattern.back() = "...";
  return absl::StrReplaceAll(ShowPath(pattern), {{"\"...\"", "..."}});
}

std::string Line(absl::string_view name, absl::string_view text) {
  std::string line = absl::StrCat("  ", name, std::string(11 - name.size(), ' '));
  const Words lines = WrapText(text, kWidth - line.size());
  return absl::StrCat(line, absl::StrJoin(lines, absl::StrCat("\n", std::string(line.size(), ' '))), "\n");
}

}  // namespace

std::vector<const Key*> FindKeys(absl::string_view query) {
  const Words words = WordsOf(query);
  std::vector<const Key*> keys;
  if (words.empty()) return keys;
  for (const auto match : {IsWhole, MatchesWhole, IsEnd, MatchesEnd}) {
    if (keys.empty()) keys = KeysWith(words, match);
  }
  return keys;
}

std::string PolicyOf(const Key& key) {
  const absl::string_view note = key.note;
  switch (key.policy) {
    case Policy::kHonoured:
      return IsReadAtStart(key) ? "honours it; a change needs a restart" : "honours it; a change counts after a reload";
    case Policy::kDefaultOnly:
      return absl::StrCat("has the default only, and names another value in a warning",
                          note.empty() ? "" : absl::StrCat(": ", note));
    case Policy::kMeaningless:
      return absl::StrCat("has no use for it, and names a value other than the default in a warning",
                          note.empty() ? "" : absl::StrCat(": ", note));
    case Policy::kRefused:
      return absl::StrCat("does not start with a value other than the default: ", note);
  }
  return "";
}

std::string TypeOf(const Key& key) {
  switch (key.type) {
    case ValueType::kText:
      return "text";
    case ValueType::kInteger:
      return "integer";
    case ValueType::kFlag:
      return "true or false";
    case ValueType::kReal:
      return "number";
    case ValueType::kList:
      return "list of texts";
    case ValueType::kDuration:
      return "duration, as \"1m30s\"";
    case ValueType::kPeriod:
      return "integer of seconds, or duration";
    case ValueType::kAny:
      return "anything";
    case ValueType::kTable:
      return "table";
  }
  return "";
}

std::string DefaultOf(const Key& key, int version) {
  if (key.type == ValueType::kTable || key.type == ValueType::kAny) return "";
  const bool later = version >= 3 && key.default_value3 != nullptr;
  std::vector<std::string> shown;
  for (absl::string_view text : absl::StrSplit(later ? key.default_value3 : key.default_value, '|')) {
    FileValue value;
    value.text = value.canonical = std::string(text == kHostPlatform ? "the node's platform" : text);
    if (!text.empty()) value.list = absl::StrSplit(value.text, ',');
    shown.push_back(TomlValue(value, key.type));
  }
  return absl::StrJoin(shown, " or ");
}

std::vector<std::string> PlacesOf(const Key& key) {
  std::vector<std::string> places;
  std::string last;
  for (int version = 2; version <= kNewestVersion; ++version) {
    const KeyPath pattern = PatternOf(key, version);
    const std::string place = pattern.empty() ? "" : Shown(pattern);
    if (place == last) continue;
    last = place;
    places.push_back(absl::StrCat("version ", version, ": ", place.empty() ? "nowhere" : place));
  }
  return places;
}

std::string ShortPath(const Key& key) {
  KeyPath path = absl::StrSplit(key.path, '/');
  if (path[0] == "plugins" && path.size() > 1) path.erase(path.begin());
  return Shown(path);
}

std::string ExplainKey(const Key& key) {
  const KeyText& text = TextOf(key);
  std::string lines = absl::StrCat(ShortPath(key), "\n\n");
  for (const std::string& line : WrapText(text.meaning, kWidth - 2)) absl::StrAppend(&lines, "  ", line, "\n");
  absl::StrAppend(&lines, "\n", Line("type", TypeOf(key)));
  const std::string default2 = DefaultOf(key, 2), default3 = DefaultOf(key, kNewestVersion);
  if (!default2.empty()) absl::StrAppend(&lines, Line("default", default2));
  if (default3 != default2) absl::StrAppend(&lines, Line("", absl::StrCat(default3, " since version 3")));
  absl::StrAppend(&lines, Line("since", *text.since == '\0' ? "crisp's own; containerd ignores it"
                                                            : absl::StrCat("containerd ", text.since)));
  absl::StrAppend(&lines, Line("crisp", PolicyOf(key)));
  for (const std::string& place : PlacesOf(key)) absl::StrAppend(&lines, "  in         ", place, "\n");
  return lines;
}

}  // namespace crisp
