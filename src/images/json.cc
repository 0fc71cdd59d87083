#include "images/json.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

absl::Status Invalid(absl::string_view text) {
  return absl::InternalError(text);
}

const nlohmann::json* Present(const nlohmann::json& object, const char* field) {
  const auto it = object.find(field);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

absl::Status WrongType(const char* field, const char* wanted, const nlohmann::json& value) {
  return Invalid(absl::StrCat("\"", field, "\" is not ", wanted, " but of type ", value.type_name()));
}

absl::StatusOr<std::string> CheckedString(const nlohmann::json& value, const char* field) {
  if (!value.is_string()) return WrongType(field, "a string", value);
  const auto& text = value.get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos) return Invalid(absl::StrCat("\"", field, "\" has a NUL byte"));
  return text;
}

}  // namespace

absl::StatusOr<std::string> JsonString(const nlohmann::json& object, const char* field) {
  const nlohmann::json* value = Present(object, field);
  if (value == nullptr) return std::string();
  return CheckedString(*value, field);
}

absl::StatusOr<std::vector<std::string>> JsonStrings(const nlohmann::json& object, const char* field) {
  ASSIGN_OR_RETURN(const nlohmann::json* array, JsonArray(object, field));
  std::vector<std::string> strings;
  if (array == nullptr) return strings;
  for (const nlohmann::json& element : *array) {
    ASSIGN_OR_RETURN(std::string text, CheckedString(element, field));
    strings.push_back(std::move(text));
  }
  return strings;
}

absl::StatusOr<uint64_t> JsonSize(const nlohmann::json& object, const char* field) {
  const nlohmann::json* value = Present(object, field);
  if (value == nullptr) return Invalid(absl::StrCat("\"", field, "\" is missing"));
  if (!value->is_number_unsigned()) return WrongType(field, "a whole number of bytes", *value);
  const uint64_t size = value->get<uint64_t>();
  if (size > static_cast<uint64_t>(INT64_MAX)) return Invalid(absl::StrCat("\"", field, "\" is too large"));
  return size;
}

absl::StatusOr<const nlohmann::json*> JsonObject(const nlohmann::json& object, const char* field) {
  const nlohmann::json* value = Present(object, field);
  if (value != nullptr && !value->is_object()) return WrongType(field, "an object", *value);
  return value;
}

absl::StatusOr<const nlohmann::json*> JsonArray(const nlohmann::json& object, const char* field) {
  const nlohmann::json* value = Present(object, field);
  if (value != nullptr && !value->is_array()) return WrongType(field, "a list", *value);
  return value;
}

}  // namespace crisp
