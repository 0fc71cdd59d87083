// JSON from files and programs of others: an object, of bounded depth, or an error that says where it is wrong.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace crisp {

using Json = nlohmann::json;

// Internal where `text` is not one JSON object or is nested deeper than any configuration needs (64): the library
// writes JSON by recursion, so depth is stack.
absl::StatusOr<Json> ParseJsonObject(absl::string_view text);

// Bytes that are not UTF-8 are replaced rather than thrown about.
std::string DumpJson(const Json& json);

// The string at `key`; empty where there is none or it is something else.
std::string StringAt(const Json& object, const char* key);

// The first part of what a program of others said, fit for one line of an error.
std::string Excerpt(absl::string_view text);

}  // namespace crisp
