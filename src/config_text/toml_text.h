// Text of configuration files: names, values, and tables with comments.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "config/key_path.h"
#include "config/value.h"

namespace crisp {

// `value` of `type` as it stands in a file (TOML 1.0).
std::string TomlValue(const FileValue& value, ValueType type);

// `path` as it stands in a file. Unlike ShowPath it hides nothing, so that it can be read again.
std::string TomlPath(const KeyPath& path);

struct TomlLine {
  KeyPath path;
  std::string value;               // as TomlValue gives it
  std::vector<std::string> above;  // comments, without "#"
  std::string behind;              // a comment, without "#"; empty: none
  bool is_comment = false;         // the line itself is a comment
};

// The lines by their tables, each table once, in the order in which it comes first. A table whose lines are all
// comments is one itself.
std::string WriteToml(absl::Span<const TomlLine> lines);

// `text` in lines of at most `width` bytes, broken at spaces; a longer word is a line of its own.
std::vector<std::string> WrapText(absl::string_view text, size_t width);

}  // namespace crisp
