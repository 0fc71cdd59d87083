// Values of the configuration file, read with the type that their key has.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

enum class ValueType {
  kText,
  kInteger,
  kFlag,
  kReal,
  kList,      // of strings
  kDuration,  // a string as Go writes it: "1h30m", "100ms"
  kPeriod,    // a duration, or an integer of seconds
  kAny,       // whatever it is
  kTable,     // a table, whose keys are keys of their own
};

struct FileValue {
  std::string text;
  int64_t number = 0;
  double real = 0;
  bool flag = false;
  std::vector<std::string> list;
  const toml::table* table = nullptr;  // of kTable; valid as long as the file's tree

  // One spelling for each value of a type: what defaults are compared by. Empty for what is empty, 0 or false of kAny.
  std::string canonical;
  // As it stands in the file, for messages: quoted, and without the user and password of a URL.
  std::string shown;
};

// Errors say what was expected and what was found, but never the value: it may be a secret in the wrong place.
absl::StatusOr<FileValue> ReadValue(const toml::node& node, ValueType type);

// `text` (a list with commas between its items) as FileValue::canonical has it. Returns `text` if it is not of the
// type.
std::string CanonicalDefault(ValueType type, absl::string_view text);

// "an integer", for messages.
std::string Describe(const toml::node& node);
std::string Describe(ValueType type);

}  // namespace crisp
