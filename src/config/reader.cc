#include "config/reader.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

bool IsDefault(const Key& key, const FileValue& value) {
  for (const absl::string_view text : absl::StrSplit(key.default_value, '|')) {
    if (value.canonical == (text == kHostPlatform ? HostPlatform() : CanonicalDefault(key.type, text))) return true;
  }
  return false;
}

KeyPath WithElement(KeyPath array) {
  array.emplace_back("[]");
  return array;
}

std::string Show(const Key& key, const FileValue& value, const KeyPath& path) {
  return key.secret ? ShowPath(path) : absl::StrCat(ShowPath(path), " = ", value.shown);
}

// Why a value has no effect.
std::string ReasonOf(const Key& key) {
  if (*key.note != '\0') return key.note;
  return key.policy == Policy::kMeaningless ? "it is about a part of containerd that crisp does not have"
                                            : "crisp does not have this";
}

bool IsWhole(const Reader::KnownKey& known) {
  return std::none_of(known.pattern.begin(), known.pattern.end(),
                      [](const std::string& name) { return name[0] == '*'; });
}

// In a file of `version`: first those without stars, then the nearest version.
std::vector<Reader::KnownKey> ListKeys(int version) {
  std::vector<Reader::KnownKey> keys;
  std::set<KeyPath> seen;
  for (int each = version; each <= kNewestVersion; ++each) {
    for (const Key& key : Keys()) {
      KeyPath pattern = PatternOf(key, each);
      if (!pattern.empty() && seen.insert(pattern).second) keys.push_back({std::move(pattern), &key});
    }
  }
  std::stable_partition(keys.begin(), keys.end(), IsWhole);
  return keys;
}

const std::vector<Reader::KnownKey>& KeysOf(int version) {
  static const std::vector<Reader::KnownKey> kLists[] = {ListKeys(1), ListKeys(2), ListKeys(3), ListKeys(4)};
  static_assert(std::size(kLists) == kNewestVersion);
  return kLists[version - 1];
}

}  // namespace

Reader::Reader(std::string file, int version, Draft* draft)
    : file_(std::move(file)), version_(version), draft_(draft), keys_(KeysOf(version)) {}

absl::Status Reader::Read(const toml::table& table) {
  return ReadTable(table, {});
}

std::vector<std::string> Reader::Warnings() const {
  std::vector<std::string> lines;
  for (const auto& [line, text] : warnings_) lines.push_back(text);
  return lines;
}

absl::Status Reader::ReadTable(const toml::table& table, const KeyPath& path) {
  for (const auto& [name, node] : table) {
    KeyPath inner = path;
    inner.push_back(NameOf(node, std::string(name.str()), path));
    RETURN_IF_ERROR(ReadNode(node, inner));
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadNode(const toml::node& node, const KeyPath& path) {
  const toml::table* table = node.as_table();
  const KnownKey* known = Find(path);
  // Below "**" tables are only ways to the values in them.
  bool is_way = table != nullptr && IsTable(path);
  if (known != nullptr && !(is_way && known->pattern.back() == "**")) {
    RETURN_IF_ERROR(ReadKey(*known, node, path), Place(node), ShowPath(path));
    return table != nullptr ? ReadTable(*table, path) : absl::OkStatus();
  }
  if (is_way) return ReadTable(*table, path);
  if (node.is_array_of_tables() && IsTable(WithElement(path))) return ReadArray(*node.as_array(), WithElement(path));
  if (IsTable(path)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Place(node), ShowPath(path), ": expected a table, found ", Describe(node)));
  }
  WarnUnknown(node, path);
  return absl::OkStatus();
}

absl::Status Reader::ReadArray(const toml::array& tables, const KeyPath& path) {
  for (const toml::node& table : tables) RETURN_IF_ERROR(ReadTable(*table.as_table(), path));
  return absl::OkStatus();
}

absl::Status Reader::ReadKey(const KnownKey& known, const toml::node& node, const KeyPath& path) {
  const Key& key = *known.key;
  ASSIGN_OR_RETURN(FileValue value, ReadValue(node, key.type));
  if (key.set != nullptr) {
    Setting setting = {NamesIn(known.pattern, path), value,
                       [&](const std::string& text) { Warn(node, absl::StrCat(ShowPath(path), ": ", text)); }};
    RETURN_IF_ERROR(key.set(setting, draft_));
  }
  return ApplyPolicy(key, value, node, path);
}

absl::Status Reader::ApplyPolicy(const Key& key, const FileValue& value, const toml::node& node, const KeyPath& path) {
  if (key.policy == Policy::kHonoured || IsDefault(key, value)) return absl::OkStatus();
  std::string shown = Show(key, value, path);
  switch (key.policy) {
    case Policy::kNotYet:
      Warn(node, absl::StrCat(shown, " is not honoured yet"));
      break;
    case Policy::kDefaultOnly:
    case Policy::kMeaningless:
      Warn(node, absl::StrCat(shown, " has no effect: ", ReasonOf(key)));
      break;
    case Policy::kRefused:
      return absl::InvalidArgumentError(
          absl::StrCat(key.secret ? "" : absl::StrCat(value.shown, " is refused: "), key.note));
    case Policy::kHonoured:
      break;
  }
  return absl::OkStatus();
}

void Reader::WarnUnknown(const toml::node& node, const KeyPath& path) {
  if (IsOptionOfForeignHandler(path)) return;
  std::string nearest = NearestKey(path, version_);
  Warn(node, absl::StrCat(ShowPath(path), " is not known to crisp and has no effect",
                          nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
}

// The name of a table's entry; that of a plugin as it is since version 2.
std::string Reader::NameOf(const toml::node& node, const std::string& name, const KeyPath& table) {
  if (version_ > 1 || table != KeyPath{"plugins"} || PluginOfVersion1(name) == name) return name;
  std::string plugin = PluginOfVersion1(name);
  Warn(node, absl::StrCat(ShowPath({"plugins", name}), " is read as ", ShowPath({"plugins", plugin}),
                          ", its name since version 2"));
  return plugin;
}

// .runtimes.NAME.options.KEY; that crisp does not run the handler has been said.
bool Reader::IsOptionOfForeignHandler(const KeyPath& path) const {
  const size_t size = path.size();
  return size >= 4 && path[size - 2] == "options" && path[size - 4] == "runtimes" &&
         draft_->foreign_handlers.count(path[size - 3]) != 0;
}

const Reader::KnownKey* Reader::Find(const KeyPath& path) const {
  for (const KnownKey& known : keys_) {
    if (Matches(known.pattern, path)) return &known;
  }
  return nullptr;
}

bool Reader::IsTable(const KeyPath& path) const {
  for (const KnownKey& known : keys_) {
    if (LeadsTo(known.pattern, path)) return true;
  }
  return false;
}

std::string Reader::Place(const toml::node& node) const {
  return absl::StrCat(file_, ":", node.source().begin.line, ": ");
}

void Reader::Warn(const toml::node& node, const std::string& text) {
  warnings_.emplace(node.source().begin.line, absl::StrCat(Place(node), text));
}

}  // namespace crisp
