// JSON from files, programs and servers of others, parsed within bounds. Not included by headers that many include: the
// library's own is heavy.
#pragma once

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

// At most 4 MiB (what the OCI distribution specification 1.1 asks registries to keep for a manifest), 64 levels (the
// library writes and frees by recursion, so depth is stack) and 100,000 values; valid UTF-8; an object at the top.
inline constexpr size_t kJsonBytesLimit = 4 << 20;
inline constexpr int kJsonDepthLimit = 64;
inline constexpr int kJsonValuesLimit = 100000;

// Internal, saying what is wrong and where, for anything else.
absl::StatusOr<nlohmann::json> ParseJsonObject(absl::string_view text);

}  // namespace crisp
