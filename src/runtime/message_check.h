// Checks that apply to every string of a request. They walk the whole message, so that no field is forgotten.
#pragma once

#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace crisp {

// InvalidArgument naming the first string, bytes field, map key or map value below `message` that holds a NUL (the
// kernel would see only what is before it) or is not UTF-8 (config.json cannot carry it). `name` is the message's own.
absl::Status CheckStrings(const google::protobuf::Message& message, absl::string_view name);

bool IsUtf8(absl::string_view text);

// True if `text` has a character below 0x20, or 0x7f.
bool HasControlCharacter(absl::string_view text);

}  // namespace crisp
