#include "network/json.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace crisp {
namespace {

constexpr size_t kExcerpt = 300;

}  // namespace

std::string DumpJson(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string StringAt(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string Excerpt(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  std::string line = absl::Utf8SafeCHexEscape(text.substr(0, kExcerpt));
  if (text.size() > kExcerpt) absl::StrAppend(&line, "…");
  return line;
}

}  // namespace crisp
