// JSON of strangers (base/json.h), read field by field with errors that name the field. For .cc files of this room
// only: the header behind it is heavy.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/json.h"

namespace crisp {

// A field of `object`. Absent and null are "not there" and give the empty value; another type is an error. NUL bytes
// in strings are refused: no kernel interface could take them.
absl::StatusOr<std::string> JsonString(const nlohmann::json& object, const char* field);
absl::StatusOr<std::vector<std::string>> JsonStrings(const nlohmann::json& object, const char* field);
absl::StatusOr<uint64_t> JsonSize(const nlohmann::json& object, const char* field);  // must be there
// Null if not there.
absl::StatusOr<const nlohmann::json*> JsonObject(const nlohmann::json& object, const char* field);
absl::StatusOr<const nlohmann::json*> JsonArray(const nlohmann::json& object, const char* field);

}  // namespace crisp
