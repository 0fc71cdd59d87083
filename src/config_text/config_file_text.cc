#include "config_text/config_file_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "config/key_path.h"
#include "config/key_texts.h"
#include "config_text/effective.h"
#include "config_text/toml_text.h"

namespace crisp {
namespace {

constexpr size_t kWidth = 98;  // of a comment

constexpr char kDefaultHead[] =
    R"(# Configuration of crispd, in containerd's layout: version 3, which containerd reads since 2.0. A file of
# containerd, of version 1 to 4, can be given to crispd as it is.
#
# What stands here without "#" is what crispd does without any file. crispd config explain KEY says more of a key, and
# crispd config check FILE what crispd makes of a file.

)";

TomlLine VersionLine() {
  FileValue version;
  version.canonical = absl::StrCat(kWrittenVersion);
  TomlLine line;
  line.path = {"version"};
  line.value = TomlValue(version, ValueType::kInteger);
  return line;
}

std::string ShowOrigin(const EffectiveValue& value) {
  if (!value.origin) return "default";
  const Origin& origin = *value.origin;
  return absl::StrCat(absl::Utf8SafeCEscape(origin.file), ":", origin.line,
                      origin.said.empty() ? "" : absl::StrCat(": ", origin.said));
}

TomlLine DumpLine(const EffectiveValue& value) {
  TomlLine line;
  line.path = WrittenPath(*value.key, value.names);
  line.value = value.key->secret ? "\"...\"" : TomlValue(value.value, value.key->type);
  line.behind = absl::StrCat(value.key->secret ? "hidden; " : "", ShowOrigin(value));
  line.is_comment = value.key->secret;
  return line;
}

TomlLine DefaultLine(const EffectiveValue& value) {
  TomlLine line;
  line.path = WrittenPath(*value.key, value.names);
  line.value = TomlValue(value.value, value.key->type);
  line.above = WrapText(TextOf(*value.key).meaning, kWidth);
  return line;
}

// What a file may call a registry, a runtime or a header.
std::string ExampleName(const Key& key) {
  const absl::string_view path = key.path;
  if (absl::StrContains(path, "/mirrors/")) return "docker.io";
  if (absl::StrContains(path, "/headers/")) return "X-Example";
  if (absl::StrContains(path, "/registry/")) return "mirror.example.org";
  return "crun";
}

FileValue DefaultOf(const Key& key) {
  const std::vector<std::string> defaults = absl::StrSplit(key.default_value, '|');
  FileValue value;
  value.text = value.canonical = defaults[0];
  if (!defaults[0].empty()) value.list = absl::StrSplit(defaults[0], ',');
  return value;
}

TomlLine ExampleLine(const Key& key) {
  const KeyText& text = TextOf(key);
  TomlLine line;
  line.path = WrittenPath(key, {ExampleName(key)});
  line.value = *text.example != '\0' ? text.example : TomlValue(DefaultOf(key), key.type);
  line.above = WrapText(text.meaning, kWidth);
  line.is_comment = true;
  return line;
}

// Older spellings of another key, and what crispd puts a warning to.
bool IsOlderSpelling(const Key& key) {
  static const std::set<absl::string_view> kPaths = {"cri/cni/bin_dir", "cri/containerd/runtimes/*/sandbox_mode",
                                                     "images/runtime_platforms/*/snapshotter",
                                                     "plugins/io.containerd.monitor.v1.cgroups/no_prometheus"};
  return kPaths.count(key.path) != 0 || absl::StartsWith(key.path, "cri/registry/auths/");
}

// Whether the file of defaults has an example of the key in a comment.
bool IsExample(const Key& key, const std::set<const Key*>& shown) {
  const bool has_place = key.policy == Policy::kHonoured && !PatternOf(key, kWrittenVersion).empty();
  return has_place && key.type != ValueType::kTable && absl::string_view(key.path) != "version" &&
         shown.count(&key) == 0 && !IsOlderSpelling(key);
}

nlohmann::json JsonOf(const FileValue& value, ValueType type) {
  switch (type) {
    case ValueType::kInteger:
      return value.number;
    case ValueType::kFlag:
      return value.flag;
    case ValueType::kReal:
      return value.real;
    case ValueType::kList:
      return value.list;
    default:
      return value.text;
  }
}

nlohmann::json JsonOf(const EffectiveValue& value) {
  nlohmann::json json = {{"key", ShowPath(WrittenPath(*value.key, value.names))}};
  if (value.key->secret) {
    json["hidden"] = true;
  } else {
    json["value"] = JsonOf(value.value, value.key->type);
  }
  if (value.origin) {
    json["file"] = value.origin->file;
    json["line"] = value.origin->line;
  } else {
    json["default"] = true;
  }
  return json;
}

}  // namespace

KeyPath WrittenPath(const Key& key, const std::vector<std::string>& names) {
  KeyPath path = PatternOf(key, kWrittenVersion);
  auto name = names.begin();
  for (std::string& part : path) {
    if (part == "*" && name != names.end()) part = *name++;
  }
  return path;
}

std::string DefaultFile() {
  std::vector<TomlLine> lines = {VersionLine()};
  std::set<const Key*> shown;
  for (const EffectiveValue& value : EffectiveValues(DefaultConfig(), {})) {
    shown.insert(value.key);
    lines.push_back(DefaultLine(value));
  }
  for (const Key& key : Keys()) {
    if (IsExample(key, shown)) lines.push_back(ExampleLine(key));
  }
  return absl::StrCat(kDefaultHead, WriteToml(lines));
}

std::string DumpFile(const Reading& reading) {
  std::vector<TomlLine> lines = {VersionLine()};
  for (const EffectiveValue& value : EffectiveValues(*reading.config, reading.findings)) {
    lines.push_back(DumpLine(value));
  }
  return WriteToml(lines);
}

std::string DumpJson(const Reading& reading) {
  nlohmann::json values = nlohmann::json::array();
  for (const EffectiveValue& value : EffectiveValues(*reading.config, reading.findings)) {
    values.push_back(JsonOf(value));
  }
  const nlohmann::json json = {{"files", reading.files}, {"values", std::move(values)}};
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace crisp
