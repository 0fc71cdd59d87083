// Text for manual pages in mdoc(7).
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace crisp {

// The day that manual pages show.
inline constexpr char kManualDate[] = "November 29, 2026";

// `text` as a line, or a part of one, that roff prints as it is.
std::string MdocText(absl::string_view text);

// Paragraphs, with empty lines between them. Lines that begin with two spaces are examples and stay as they are.
std::string MdocParagraphs(absl::string_view text);

}  // namespace crisp
