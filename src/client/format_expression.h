// The expressions between {{ and }} of a FormatTemplate: operands, calls of functions, pipes.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp::client::format {

using Value = nlohmann::ordered_json;

// What names mean where an expression stands.
struct Scope {
  const Value* dot = nullptr;
  std::map<std::string, Value> variables;  // "$" is the whole value, "$key" one of range
};

// `text` split into words: strings keep their quotes, parentheses are words, "|" is one.
absl::StatusOr<std::vector<std::string>> Words(absl::string_view text);

absl::StatusOr<Value> Evaluate(const std::vector<std::string>& words, const Scope& scope);

// As {{if}} takes it: false, 0, "", null and what is empty are not.
bool IsTrue(const Value& value);
// As it is printed: strings without quotes, lists as [a b], objects as map[a:b].
std::string Printed(const Value& value);

}  // namespace crisp::client::format
