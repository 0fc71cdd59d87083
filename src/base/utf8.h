// UTF-8 as Unicode defines it (Unicode 15, table 3-7): no overlong forms, no surrogates.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace crisp {

// Length of the well-formed sequence of several bytes at the start of `text`, which is not empty; 0 if there is none.
size_t Utf8SequenceLength(absl::string_view text);

// `text`, with U+FFFD for each byte that is not part of a well-formed sequence.
std::string ToUtf8(absl::string_view text);

}  // namespace crisp
