#include "network/json.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace crisp {
namespace {

constexpr int kMaxDepth = 64;
constexpr size_t kExcerpt = 300;

bool TooDeep(absl::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

// The library's text without its own name: "[json.exception.parse_error.101] parse error at line 1, column 2: …".
absl::string_view WithoutPrefix(absl::string_view what) {
  const size_t end = what.find("] ");
  return end == absl::string_view::npos ? what : what.substr(end + 2);
}

}  // namespace

absl::StatusOr<Json> ParseJsonObject(absl::string_view text) {
  if (absl::StripAsciiWhitespace(text).empty()) return absl::InternalError("empty, not JSON");
  if (TooDeep(text)) return absl::InternalError(absl::StrCat("JSON nested deeper than ", kMaxDepth));
  try {
    Json json = Json::parse(text.begin(), text.end());
    if (!json.is_object()) return absl::InternalError(absl::StrCat("a JSON ", json.type_name(), ", not an object"));
    return json;
  } catch (const Json::exception& error) {
    return absl::InternalError(absl::StrCat("not JSON: ", Excerpt(WithoutPrefix(error.what()))));
  }
}

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
