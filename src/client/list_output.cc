#include "client/list_output.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "client/format_expression.h"
#include "client/format_template.h"

namespace crisp::client {
namespace {

using Cells = std::vector<std::string>;

constexpr size_t kGap = 3;

bool Continues(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

std::string Cell(const Row& row, const std::string& field) {
  const auto found = row.find(field);
  return found == row.end() ? "" : format::Printed(*found);
}

std::string ColumnOf(const std::vector<Row>& rows, const std::string& field) {
  std::string text;
  for (const Row& row : rows) absl::StrAppend(&text, Cell(row, field), "\n");
  return text;
}

// "{{.ID}}\t{{.Names}}": the headers are the columns' of the same fields.
std::string HeaderOf(absl::string_view part, const std::vector<Column>& columns) {
  for (const Column& column : columns) {
    if (absl::StrContains(part, absl::StrCat(".", column.field))) return column.header;
  }
  return "";
}

absl::StatusOr<std::string> TemplateTable(absl::string_view text, const std::vector<Column>& columns,
                                          const std::vector<Row>& rows) {
  std::string tabs(absl::StripAsciiWhitespace(text));
  for (size_t at; (at = tabs.find("\\t")) != std::string::npos;) tabs.replace(at, 2, "\t");
  Cells headers;
  for (const absl::string_view part : absl::StrSplit(tabs, '\t')) headers.push_back(HeaderOf(part, columns));
  ASSIGN_OR_RETURN(const FormatTemplate line, FormatTemplate::Parse(tabs));
  std::vector<Cells> cells;
  for (const Row& row : rows) {
    ASSIGN_OR_RETURN(const std::string rendered, line.Render(row));
    cells.push_back(absl::StrSplit(rendered, '\t'));
  }
  return DrawTable(headers, cells);
}

absl::StatusOr<std::string> TemplateLines(absl::string_view text, const std::vector<Row>& rows) {
  ASSIGN_OR_RETURN(const FormatTemplate line, FormatTemplate::Parse(text));
  std::string lines;
  for (const Row& row : rows) {
    ASSIGN_OR_RETURN(const std::string rendered, line.Render(row));
    absl::StrAppend(&lines, rendered, "\n");
  }
  return lines;
}

std::string Table(const ListFormat& format, bool wide, const std::vector<Column>& columns,
                  const std::vector<Row>& rows) {
  Cells headers;
  std::vector<Cells> cells(rows.size());
  for (const Column& column : columns) {
    if (column.wide && !wide) continue;
    headers.push_back(column.header);
    for (size_t i = 0; i < rows.size(); ++i) cells[i].push_back(Cell(rows[i], column.field));
  }
  return DrawTable(headers, cells, format.headers);
}

std::string JsonLines(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows) absl::StrAppend(&text, row.dump(-1, ' ', false, Row::error_handler_t::replace), "\n");
  return text;
}

bool IsPlain(const std::string& text) {
  if (text.empty() || text.size() > 200) return false;
  static constexpr absl::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/";
  if (!absl::StrContains(kLetters, text.substr(0, 1))) return false;
  for (const char* word : {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}) {
    if (absl::EqualsIgnoreCase(text, word)) return false;
  }
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/0123456789.-") ==
         std::string::npos;
}

std::string YamlLeaf(const nlohmann::ordered_json& value) {
  if (value.is_string() && IsPlain(value)) return value.get<std::string>();
  return value.dump(-1, ' ', false, Row::error_handler_t::replace);  // JSON is YAML, also {} and []
}

void AppendYaml(const nlohmann::ordered_json& value, size_t indent, std::string* out) {
  const std::string margin(indent, ' ');
  for (const auto& [key, item] : value.items()) {
    const std::string head = value.is_array() ? "-" : absl::StrCat(YamlLeaf(key), ":");
    if (!item.is_structured() || item.empty()) {
      absl::StrAppend(out, margin, head, " ", YamlLeaf(item), "\n");
      continue;
    }
    std::string inner;
    AppendYaml(item, indent + 2, &inner);
    if (value.is_array()) {
      absl::StrAppend(out, margin, "- ", absl::string_view(inner).substr(indent + 2));
    } else {
      absl::StrAppend(out, margin, head, "\n", inner);
    }
  }
}

}  // namespace

size_t DisplayWidth(absl::string_view text) {
  return text.size() - static_cast<size_t>(std::count_if(text.begin(), text.end(), Continues));
}

std::string CutAt(const std::string& text, size_t width) {
  if (DisplayWidth(text) <= width) return text;
  size_t end = 0;
  for (size_t left = width; end < text.size() && left > 0; ++end) {
    if (!Continues(text[end]) && --left == 0) break;
  }
  return absl::StrCat(text.substr(0, end), "…");
}

std::string DrawTable(const std::vector<std::string>& headers, const std::vector<std::vector<std::string>>& rows,
                      bool with_headers) {
  std::vector<Cells> lines;
  if (with_headers) lines.push_back(headers);
  lines.insert(lines.end(), rows.begin(), rows.end());
  std::vector<size_t> widths;
  for (const Cells& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(line[i]));
  }
  std::string text;
  for (const Cells& line : lines) {
    std::string drawn;
    for (size_t i = 0; i < line.size(); ++i) {
      absl::StrAppend(&drawn, line[i], std::string(widths[i] - DisplayWidth(line[i]) + kGap, ' '));
    }
    absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(drawn), "\n");
  }
  return text;
}

std::string ToYaml(const nlohmann::ordered_json& document) {
  if (!document.is_structured() || document.empty()) return absl::StrCat(YamlLeaf(document), "\n");
  std::string text;
  AppendYaml(document, 0, &text);
  return text;
}

absl::StatusOr<std::string> FormatList(const ListFormat& format, const std::vector<Column>& columns,
                                       const std::vector<Row>& rows) {
  if (format.quiet) return ColumnOf(rows, columns[0].field);
  const std::string& form = format.format.empty() ? format.output : format.format;
  if (form.empty() || form == "table" || form == "wide") return Table(format, form == "wide", columns, rows);
  // docker's and nerdctl's --format json has one object a line, kubectl's -o json one document.
  if (form == "json" && !format.format.empty()) return JsonLines(rows);
  if (form == "json") return absl::StrCat(Row(rows).dump(2, ' ', false, Row::error_handler_t::replace), "\n");
  if (form == "yaml") return ToYaml(Row(rows));
  if (form == "name") return ColumnOf(rows, format.name_field);
  absl::string_view text = form;
  if (absl::ConsumePrefix(&text, "template=") || absl::ConsumePrefix(&text, "go-template=")) {
    return TemplateLines(text, rows);
  }
  if (absl::ConsumePrefix(&text, "table ")) return TemplateTable(text, columns, rows);
  if (absl::StrContains(text, "{{")) return TemplateLines(text, rows);
  return absl::InvalidArgumentError(absl::StrCat("unknown format \"", form,
                                                 "\"; there are json, yaml, wide, name, table, and templates as ",
                                                 "'{{.ID}}' or 'table {{.ID}}\\t{{.Name}}'"));
}

}  // namespace crisp::client
