#include "config/syntax_error.h"

#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "config/key_path.h"

namespace crisp {
namespace {

absl::string_view LineOf(absl::string_view content, size_t number) {
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    if (--number == 0) return absl::StripAsciiWhitespace(line);
  }
  return "";
}

// The names that lead to the only key or table of `statement`; nullopt if it is no whole statement.
std::optional<KeyPath> PathOfStatement(absl::string_view statement) {
  try {
    const toml::table parsed = toml::parse(std::string(statement));
    KeyPath path;
    for (const toml::node* node = &parsed; node != nullptr;) {
      const toml::table* table = node->as_table();
      if (const toml::array* array = node->as_array(); array != nullptr && !array->empty()) {
        table = array->front().as_table();
      }
      if (table == nullptr || table->empty()) break;
      path.emplace_back(table->cbegin()->first.str());
      node = &table->cbegin()->second;
    }
    return path;
  } catch (const toml::parse_error&) {
    return std::nullopt;
  }
}

// The key or table that `line` begins. The value is not looked at.
std::optional<KeyPath> PathOfLine(absl::string_view line) {
  if (absl::StartsWith(line, "[")) return PathOfStatement(line);
  for (size_t equals = line.find('='); equals != absl::string_view::npos; equals = line.find('=', equals + 1)) {
    if (auto path = PathOfStatement(absl::StrCat(line.substr(0, equals), "= 0"))) return path;
  }
  return std::nullopt;
}

// `text` with the name in quotation marks replaced by that of the key or table that `line` begins.
std::string Renamed(absl::string_view text, absl::string_view line) {
  const size_t begin = text.find('\'');
  const absl::string_view rest = begin == absl::string_view::npos ? "" : text.substr(text.rfind('\'') + 1);
  const std::optional<KeyPath> path = PathOfLine(line);
  const std::string name = path && !path->empty() ? absl::StrCat(" ", ShowPath(*path)) : "";
  return absl::StrCat(absl::StripTrailingAsciiWhitespace(text.substr(0, begin)), name, rest);
}

}  // namespace

std::string DescribeSyntaxError(const toml::parse_error& error, absl::string_view content) {
  const std::string description(error.description());
  absl::string_view text = description;
  text = text.substr(0, text.find(", saw "));
  if (absl::StrContains(text, ": cannot redefine existing ") || absl::StrContains(text, ": cannot insert ")) {
    return Renamed(text, LineOf(content, error.source().begin.line));
  }
  const size_t quoted = text.find('\'');
  if (quoted != absl::string_view::npos && absl::StrContains(text.substr(quoted), "representable")) {
    return "number out of range";
  }
  return std::string(text);
}

}  // namespace crisp
