// JSON from configuration files and plugins (base/json.h), as this room uses it.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "base/json.h"

namespace crisp {

using Json = nlohmann::json;

// Bytes that are not UTF-8 are replaced rather than thrown about.
std::string DumpJson(const Json& json);

// The string at `key`; empty where there is none or it is something else.
std::string StringAt(const Json& object, const char* key);

// The first part of what a program of others said, fit for one line of an error.
std::string Excerpt(absl::string_view text);

}  // namespace crisp
