// What is said of a file that is not TOML.
#pragma once

#include <toml++/toml.h>

#include <string>

#include "absl/strings/string_view.h"

namespace crisp {

// The parser's words for `error` in the file `content`. What they quote is left out, since it may be a secret; the name
// of a key that is there twice is read from the file, because toml++ 3.3 repeats the beginning of a name in quotation
// marks.
std::string DescribeSyntaxError(const toml::parse_error& error, absl::string_view content);

}  // namespace crisp
