#include "config/reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

bool IsDefault(const Key& key, const FileValue& value) {
  absl::string_view text = key.default_value;
  if (text == kHostPlatform) return value.canonical == HostPlatform();
  return value.canonical == CanonicalDefault(key.type, text);
}

std::string Show(const Key& key, const FileValue& value, const KeyPath& path) {
  return key.secret ? ShowPath(path) : absl::StrCat(ShowPath(path), " = ", value.shown);
}

}  // namespace

Reader::Reader(std::string file, int version, Draft* draft) : file_(std::move(file)), version_(version), draft_(draft) {
  for (const Key& key : Keys()) keys_.push_back({PatternOf(key, version), &key});
}

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
    inner.emplace_back(name.str());
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
  if (IsTable(path)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Place(node), ShowPath(path), ": expected a table, found ", Describe(node)));
  }
  WarnUnknown(node, path);
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
      Warn(node, absl::StrCat(shown, " has no effect: crisp does not have this"));
      break;
    case Policy::kMeaningless:
      Warn(node, absl::StrCat(shown, " has no effect: it is about a part of containerd that crisp does not have"));
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
  std::string nearest = NearestKey(path, version_);
  Warn(node, absl::StrCat(ShowPath(path), " is not known to crisp and has no effect",
                          nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
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
