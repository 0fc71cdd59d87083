// A TOML file as its lines: which of them are a key, a table's header, or neither. For edits that keep everything else.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/key_path.h"

namespace crisp {

struct TomlItem {
  enum class Kind {
    kOther,   // one line: empty, or a comment
    kHeader,  // one line: [table]
    kArray,   // one line: [[table]]
    kKey,     // its lines: key = value
  };
  Kind kind = Kind::kOther;
  uint32_t line = 0;                  // the first one, from 1
  std::vector<std::string> lines;     // without their ends
  KeyPath path;                       // of the table; of a key as it stands, which is relative to the table above it
  const toml::node* value = nullptr;  // of a key; in `tree`
  std::unique_ptr<toml::table> tree;  // of these lines alone
};

// `table` is what `content` says.
absl::StatusOr<std::vector<TomlItem>> SplitToml(const std::string& content, const toml::table& table);

}  // namespace crisp
