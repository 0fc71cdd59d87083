// JSON text from files, programs and servers, parsed within bounds, and written again. To read fields, see
// json_reader.h, which does not include the library's large header.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

using Json = nlohmann::json;

// 4 MiB is what registries must accept as a manifest (OCI distribution specification 1.1). The library recurses to
// write and to free a document, so its depth bounds the stack.
inline constexpr size_t kJsonBytesLimit = 4 << 20;
inline constexpr int kJsonDepthLimit = 64;
inline constexpr int kJsonValuesLimit = 200000;

// `text` must be valid UTF-8 within the limits, with an object at the top. Else Internal, saying what is wrong and
// where.
absl::StatusOr<Json> ParseJsonObject(absl::string_view text);

// On one line. Bytes that are not UTF-8 become U+FFFD; the library's default is to throw.
std::string DumpJson(const Json& json);

}  // namespace crisp
