#include "base/excerpt.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace crisp {

std::string Excerpt(absl::string_view text, size_t limit) {
  text = absl::StripAsciiWhitespace(text);
  std::string line = absl::Utf8SafeCHexEscape(text.substr(0, limit));
  if (text.size() > limit) absl::StrAppend(&line, "…");
  return line;
}

}  // namespace crisp
