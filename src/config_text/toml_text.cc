#include "config_text/toml_text.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace crisp {
namespace {

std::string Quote(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppendFormat(&quoted, "\\u%04X", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string Name(absl::string_view name) {
  const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-';
  });
  return bare ? std::string(name) : Quote(name);
}

// One table of a file.
class Table {
 public:
  void Add(const TomlLine& line) {
    const std::string mark = line.is_comment ? "# " : "";
    for (const std::string& text : line.above) absl::StrAppend(&body_, "# ", text, "\n");
    absl::StrAppend(&body_, mark, TomlPath({line.path.back()}), " = ", line.value,
                    line.behind.empty() ? "" : absl::StrCat("  # ", line.behind), "\n");
    if (!line.is_comment) is_comment_ = false;
  }

  std::string Text(const KeyPath& path) const {
    if (path.empty()) return body_;
    return absl::StrCat(is_comment_ ? "# " : "", "[", TomlPath(path), "]\n", body_);
  }

 private:
  std::string body_;
  bool is_comment_ = true;
};

}  // namespace

std::string TomlValue(const FileValue& value, ValueType type) {
  switch (type) {
    case ValueType::kText:
    case ValueType::kDuration:
      return Quote(value.text);
    case ValueType::kList:
      return absl::StrCat(
          "[", absl::StrJoin(value.list, ", ", [](std::string* out, const std::string& item) { *out += Quote(item); }),
          "]");
    default:
      return value.canonical;
  }
}

std::string TomlPath(const KeyPath& path) {
  return absl::StrJoin(path, ".", [](std::string* out, const std::string& name) { *out += Name(name); });
}

std::string WriteToml(absl::Span<const TomlLine> lines) {
  std::vector<KeyPath> order = {{}};
  std::map<KeyPath, Table> tables;
  for (const TomlLine& line : lines) {
    const KeyPath path(line.path.begin(), line.path.end() - 1);
    if (!path.empty() && tables.count(path) == 0) order.push_back(path);
    tables[path].Add(line);
  }
  return absl::StrJoin(order, "\n", [&](std::string* out, const KeyPath& path) { *out += tables[path].Text(path); });
}

std::vector<std::string> WrapText(absl::string_view text, size_t width) {
  std::vector<std::string> lines;
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (lines.empty() || lines.back().size() + 1 + word.size() > width) {
      lines.emplace_back(word);
    } else {
      absl::StrAppend(&lines.back(), " ", word);
    }
  }
  return lines;
}

}  // namespace crisp
