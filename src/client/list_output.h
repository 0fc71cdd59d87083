// Lists as people ask for them: a table, ids only, names only, JSON, YAML, or a template for each row.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp::client {

using Row = nlohmann::ordered_json;  // an object; the fields have docker's names: "ID", "Names"

struct Column {
  std::string header;  // "CONTAINER ID"
  std::string field;   // of the row
  bool wide = false;   // only with -o wide
};

// What the options of a list say.
struct ListFormat {
  std::string output;               // -o: "", "wide", "json", "yaml", "name", "template"
  std::string format;               // --format: a template, "table TEMPLATE", or one of the words above
  bool quiet = false;               // -q: the first column only
  bool headers = true;              // not --no-headers
  std::string name_field = "Name";  // for -o name
};

// InvalidArgument for an unknown format or a wrong template.
absl::StatusOr<std::string> FormatList(const ListFormat& format, const std::vector<Column>& columns,
                                       const std::vector<Row>& rows);

// Rows of cells under headers, in columns that are as wide as their widest cell and three blanks, as docker draws them.
std::string DrawTable(const std::vector<std::string>& headers, const std::vector<std::vector<std::string>>& rows,
                      bool with_headers = true);

// The number of columns of a terminal that UTF-8 text takes; every character counts as one.
size_t DisplayWidth(absl::string_view text);

// At most `width` characters, the last one "…" where something is cut off.
std::string CutAt(const std::string& text, size_t width);

// A document in YAML's block style.
std::string ToYaml(const nlohmann::ordered_json& document);

}  // namespace crisp::client
