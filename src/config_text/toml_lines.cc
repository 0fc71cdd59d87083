#include "config_text/toml_lines.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

// Where a value that begins on a line ends.
using Ends = std::map<uint32_t, uint32_t>;

bool IsInlineTable(const toml::node& node) {
  return node.is_table() && node.as_table()->is_inline();
}

// Whether the array is written as [[table]]s, which are headers.
bool IsArrayOfHeaders(const toml::array& array) {
  return !array.empty() && array[0].is_table() && !IsInlineTable(array[0]);
}

void CollectEnds(const toml::node& node, Ends* ends) {
  const toml::table* table = node.as_table();
  const toml::array* array = node.as_array();
  if (table != nullptr && !table->is_inline()) {
    for (const auto& [name, inner] : *table) CollectEnds(inner, ends);
  } else if (array != nullptr && IsArrayOfHeaders(*array)) {
    for (const toml::node& inner : *array) CollectEnds(inner, ends);
  } else {
    uint32_t& end = (*ends)[node.source().begin.line];
    end = std::max(end, node.source().end.line);
  }
}

TomlItem::Kind KindOf(absl::string_view line) {
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(line);
  if (text.empty() || text[0] == '#') return TomlItem::Kind::kOther;
  if (absl::StartsWith(text, "[[")) return TomlItem::Kind::kArray;
  return text[0] == '[' ? TomlItem::Kind::kHeader : TomlItem::Kind::kKey;
}

// The names down to what these lines are about: a tree without branches.
void FollowPath(TomlItem* item) {
  const toml::node* node = item->tree.get();
  while (true) {
    if (const toml::array* array = node->as_array(); array != nullptr && IsArrayOfHeaders(*array)) node = array->get(0);
    const toml::table* table = node->as_table();
    if (table == nullptr || table->is_inline() || table->size() != 1) break;
    item->path.emplace_back(table->begin()->first.str());
    node = &table->begin()->second;
  }
  item->value = node;
}

absl::Status Understand(TomlItem* item) {
  if (item->kind == TomlItem::Kind::kOther) return absl::OkStatus();
  try {
    item->tree = std::make_unique<toml::table>(toml::parse(absl::StrCat(absl::StrJoin(item->lines, "\n"), "\n")));
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", item->line, " cannot be understood alone: ", std::string(error.description())));
  }
  FollowPath(item);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<TomlItem>> SplitToml(const std::string& content, const toml::table& table) {
  Ends ends;
  CollectEnds(table, &ends);
  std::vector<std::string> lines = absl::StrSplit(content, '\n');
  if (lines.back().empty()) lines.pop_back();
  std::vector<TomlItem> items;
  for (uint32_t i = 0; i < lines.size();) {
    TomlItem item;
    item.line = i + 1;
    item.kind = KindOf(lines[i]);
    const auto found = ends.find(item.line);
    const bool is_long = item.kind == TomlItem::Kind::kKey && found != ends.end() && found->second > item.line;
    const size_t end = std::min<size_t>(is_long ? found->second : item.line, lines.size());
    for (; i < end; ++i) item.lines.push_back(lines[i]);
    RETURN_IF_ERROR(Understand(&item));
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace crisp
