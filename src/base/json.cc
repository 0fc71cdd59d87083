#include "base/json.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/excerpt.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

// Counts brackets and commas outside of strings before the parser allocates anything for them.
absl::Status CheckBounds(absl::string_view text) {
  if (text.size() > kJsonBytesLimit)
    return absl::InternalError(absl::StrCat("JSON of more than ", kJsonBytesLimit, " bytes"));
  int depth = 0;
  int values = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '[' || c == '{') ++depth, ++values;
    if (c == ']' || c == '}') --depth;
    if (c == ',') ++values;
    if (depth > kJsonDepthLimit)
      return absl::InternalError(absl::StrCat("JSON of more than ", kJsonDepthLimit, " levels"));
    if (values > kJsonValuesLimit)
      return absl::InternalError(absl::StrCat("JSON of more than ", kJsonValuesLimit, " values"));
  }
  return absl::OkStatus();
}

// The library's text "[json.exception.parse_error.101] parse error at line 1, column 2: …" without its prefix.
std::string Explain(absl::string_view what) {
  const size_t end = what.find("] ");
  if (end != absl::string_view::npos) what.remove_prefix(end + 2);
  return Excerpt(what);
}

}  // namespace

absl::StatusOr<Json> ParseJsonObject(absl::string_view text) {
  if (absl::StripAsciiWhitespace(text).empty()) return absl::InternalError("empty, not JSON");
  RETURN_IF_ERROR(CheckBounds(text));
  try {
    Json json = Json::parse(text.begin(), text.end());
    if (!json.is_object()) return absl::InternalError(absl::StrCat("a JSON ", json.type_name(), ", not an object"));
    return json;
  } catch (const Json::exception& error) {
    return absl::InternalError(absl::StrCat("not JSON: ", Explain(error.what())));
  }
}

std::string DumpJson(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace crisp
