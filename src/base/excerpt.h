// Excerpt: the beginning of text from outside (files, programs, servers), made fit for one line of an error or log.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace crisp {

inline constexpr size_t kExcerptBytes = 300;

// At most `limit` bytes of `text` without the white space around it, "…" where it is longer. Control characters are
// escaped, UTF-8 is kept.
std::string Excerpt(absl::string_view text, size_t limit = kExcerptBytes);

}  // namespace crisp
