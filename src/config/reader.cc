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
    if (value.canonical == (text == kHostPlatform ? PlatformOfThisNode() : CanonicalDefault(key.type, text)))
      return true;
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
  ReadTable(table, {});
  return first_error_;
}

std::vector<std::string> Reader::Warnings() const {
  std::vector<std::string> lines;
  for (const auto& [line, text] : warnings_) lines.push_back(text);
  return lines;
}

std::vector<KeyFinding> Reader::TakeFindings() {
  std::stable_sort(findings_.begin(), findings_.end(),
                   [](const KeyFinding& a, const KeyFinding& b) { return a.line < b.line; });
  return std::move(findings_);
}

void Reader::ReadTable(const toml::table& table, const KeyPath& path) {
  for (const auto& [name, node] : table) {
    KeyPath inner = path;
    inner.push_back(NameOf(node, std::string(name.str()), path));
    ReadNode(node, inner);
  }
}

void Reader::ReadNode(const toml::node& node, const KeyPath& path) {
  const toml::table* table = node.as_table();
  const KnownKey* known = Find(path);
  // Below "**" tables are only ways to the values in them.
  bool is_way = table != nullptr && IsTable(path);
  if (known != nullptr && !(is_way && known->pattern.back() == "**")) {
    ReadKnown(*known, node, path);
    if (table != nullptr) ReadTable(*table, path);
  } else if (is_way) {
    ReadTable(*table, path);
  } else if (node.is_array_of_tables() && IsTable(WithElement(path))) {
    ReadArray(*node.as_array(), WithElement(path));
  } else if (IsTable(path)) {
    Refuse(node, path, absl::InvalidArgumentError(absl::StrCat("expected a table, found ", Describe(node))));
  } else {
    ReadUnknown(node, path);
  }
}

void Reader::ReadArray(const toml::array& tables, const KeyPath& path) {
  for (const toml::node& table : tables) ReadTable(*table.as_table(), path);
}

void Reader::ReadKnown(const KnownKey& known, const toml::node& node, const KeyPath& path) {
  KeyFinding finding = NewFinding(node, path);
  finding.key = known.key;
  finding.names = NamesIn(known.pattern, path);
  if (const absl::Status status = ReadKey(known, node, &finding); !status.ok()) {
    Refuse(node, path, status);
  } else if (known.key->type != ValueType::kTable) {
    findings_.push_back(std::move(finding));
  }
}

absl::Status Reader::ReadKey(const KnownKey& known, const toml::node& node, KeyFinding* finding) {
  const Key& key = *known.key;
  ASSIGN_OR_RETURN(const FileValue value, ReadValue(node, key.type));
  if (key.set != nullptr) {
    const Setting setting = {finding->names, value, [&](const std::string& text) {
                               Warn(absl::StrCat(ShowPath(finding->path), ": "), text, finding);
                             }};
    RETURN_IF_ERROR(key.set(setting, draft_));
  }
  finding->value = value;
  finding->value.table = nullptr;
  return ApplyPolicy(key, value, finding);
}

absl::Status Reader::ApplyPolicy(const Key& key, const FileValue& value, KeyFinding* finding) {
  if (key.policy == Policy::kHonoured) return absl::OkStatus();
  finding->verdict = KeyVerdict::kDefault;
  if (IsDefault(key, value)) return absl::OkStatus();
  finding->verdict = KeyVerdict::kNoEffect;
  const std::string subject = absl::StrCat(Show(key, value, finding->path), " ");
  switch (key.policy) {
    case Policy::kDefaultOnly:
    case Policy::kMeaningless:
      Warn(subject, absl::StrCat("has no effect: ", ReasonOf(key)), finding);
      break;
    case Policy::kRefused:
      return absl::InvalidArgumentError(
          absl::StrCat(key.secret ? "" : absl::StrCat(value.shown, " is refused: "), key.note));
    case Policy::kHonoured:
      break;
  }
  return absl::OkStatus();
}

void Reader::ReadUnknown(const toml::node& node, const KeyPath& path) {
  KeyFinding finding = NewFinding(node, path);
  if (IsOptionOfForeignHandler(path)) {
    finding.verdict = KeyVerdict::kNoEffect;
    finding.remarks = {"is an option of a shim that crisp does not run"};
  } else {
    finding.verdict = KeyVerdict::kUnknown;
    const std::string nearest = NearestKey(path, version_);
    Warn(absl::StrCat(ShowPath(path), " "),
         absl::StrCat("is not known to crisp and has no effect",
                      nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")),
         &finding);
  }
  findings_.push_back(std::move(finding));
}

void Reader::Refuse(const toml::node& node, const KeyPath& path, const absl::Status& error) {
  KeyFinding finding = NewFinding(node, path);
  finding.verdict = KeyVerdict::kRefused;
  finding.remarks = {std::string(error.message())};
  if (first_error_.ok()) {
    first_error_ = Annotate(error, absl::StrCat(file_, ":", finding.line, ": ", ShowPath(path)));
  }
  findings_.push_back(std::move(finding));
}

// The name of a table's entry; that of a plugin as it is since version 2.
std::string Reader::NameOf(const toml::node& node, const std::string& name, const KeyPath& table) {
  if (version_ > 1 || table != KeyPath{"plugins"} || PluginOfVersion1(name) == name) return name;
  std::string plugin = PluginOfVersion1(name);
  KeyFinding finding = NewFinding(node, {"plugins", name});
  finding.verdict = KeyVerdict::kRenamed;
  Warn(absl::StrCat(ShowPath(finding.path), " "),
       absl::StrCat("is read as ", ShowPath({"plugins", plugin}), ", its name since version 2"), &finding);
  findings_.push_back(std::move(finding));
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

KeyFinding Reader::NewFinding(const toml::node& node, const KeyPath& path) const {
  KeyFinding finding;
  finding.file = file_;
  finding.line = node.source().begin.line;
  finding.path = path;
  return finding;
}

void Reader::Warn(const std::string& subject, const std::string& text, KeyFinding* finding) {
  warnings_.emplace(finding->line, absl::StrCat(file_, ":", finding->line, ": ", subject, text));
  finding->remarks.push_back(text);
}

}  // namespace crisp
