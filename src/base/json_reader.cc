#include "base/json_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/excerpt.h"
#include "base/json.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

constexpr size_t kKeyExcerpt = 64;

// The elements or fields that are there, each converted by `convert`.
template <typename T, typename Convert>
absl::StatusOr<std::vector<T>> ConvertItems(const absl::StatusOr<std::vector<JsonReader>>& items, Convert convert) {
  RETURN_IF_ERROR(items);
  std::vector<T> converted;
  for (const JsonReader& item : *items) {
    ASSIGN_OR_RETURN(T one, convert(item));
    converted.push_back(std::move(one));
  }
  return converted;
}

// An optional field: absent stays absent, an error stays an error.
template <typename T, typename Convert>
absl::StatusOr<std::optional<T>> ConvertField(const std::optional<JsonReader>& field, Convert convert) {
  if (!field.has_value()) return std::optional<T>();
  ASSIGN_OR_RETURN(T value, convert(*field));
  return std::optional<T>(std::move(value));
}

}  // namespace

JsonReader::JsonReader(const Json& value, std::string path) : value_(&value), path_(std::move(path)) {}

std::optional<JsonReader> JsonReader::Field(absl::string_view key) const {
  if (!value_->is_object()) return std::nullopt;
  const auto found = value_->find(std::string(key));
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return JsonReader(*found, PathOf(key));
}

bool JsonReader::Contains(absl::string_view key) const {
  return value_->is_object() && value_->contains(std::string(key));
}

absl::StatusOr<std::string> JsonReader::String(absl::string_view key) const {
  const std::optional<JsonReader> field = Field(key);
  return field.has_value() ? field->AsString() : std::string();
}

absl::StatusOr<std::vector<std::string>> JsonReader::Strings(absl::string_view key) const {
  return ConvertItems<std::string>(Items(key), [](const JsonReader& item) { return item.AsString(); });
}

absl::StatusOr<std::optional<uint64_t>> JsonReader::Unsigned(absl::string_view key, uint64_t most) const {
  return ConvertField<uint64_t>(Field(key), [most](const JsonReader& field) { return field.AsUnsigned(most); });
}

absl::StatusOr<std::optional<bool>> JsonReader::Bool(absl::string_view key) const {
  return ConvertField<bool>(Field(key), [](const JsonReader& field) { return field.AsBool(); });
}

absl::StatusOr<std::optional<JsonReader>> JsonReader::Object(absl::string_view key) const {
  return ConvertField<JsonReader>(Field(key), [](const JsonReader& field) { return field.AsObject(); });
}

absl::StatusOr<std::vector<JsonReader>> JsonReader::Objects(absl::string_view key) const {
  return ConvertItems<JsonReader>(Items(key), [](const JsonReader& item) { return item.AsObject(); });
}

absl::StatusOr<std::vector<JsonReader>> JsonReader::Items(absl::string_view key) const {
  std::vector<JsonReader> items;
  const std::optional<JsonReader> field = Field(key);
  if (!field.has_value()) return items;
  if (!field->value_->is_array()) return field->WrongType("a list");
  items.reserve(field->value_->size());
  for (const Json& item : *field->value_) items.emplace_back(item, absl::StrCat(field->path_, "[", items.size(), "]"));
  return items;
}

absl::StatusOr<std::string> JsonReader::AsString() const {
  if (!value_->is_string()) return WrongType("a string");
  const auto& text = value_->get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos) return Error("has a NUL byte");
  return text;
}

absl::StatusOr<uint64_t> JsonReader::AsUnsigned(uint64_t most) const {
  if (!value_->is_number_unsigned()) return WrongType("a whole number");
  const auto number = value_->get<uint64_t>();
  if (number > most) return Error(absl::StrCat("is larger than ", most));
  return number;
}

absl::StatusOr<bool> JsonReader::AsBool() const {
  if (!value_->is_boolean()) return WrongType("true or false");
  return value_->get<bool>();
}

absl::StatusOr<JsonReader> JsonReader::AsObject() const {
  if (!value_->is_object()) return WrongType("an object");
  return *this;
}

std::vector<std::string> JsonReader::Keys() const {
  std::vector<std::string> keys;
  if (!value_->is_object()) return keys;
  for (const auto& [key, value] : value_->items()) keys.push_back(key);
  return keys;
}

absl::Status JsonReader::CheckKeys(std::initializer_list<absl::string_view> known) const {
  for (const std::string& key : Keys()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return absl::InternalError(absl::StrCat("\"", PathOf(Excerpt(key, kKeyExcerpt)), "\" is not known"));
  }
  return absl::OkStatus();
}

absl::Status JsonReader::Error(absl::string_view why) const {
  if (path_.empty()) return absl::InternalError(absl::StrCat("the JSON document ", why));
  return absl::InternalError(absl::StrCat("\"", path_, "\" ", why));
}

absl::Status JsonReader::Missing(absl::string_view key) const {
  return absl::InternalError(absl::StrCat("\"", PathOf(key), "\" is missing"));
}

std::string JsonReader::PathOf(absl::string_view key) const {
  return path_.empty() ? std::string(key) : absl::StrCat(path_, ".", key);
}

// The library calls every number "number", also a negative one where a whole number is wanted.
absl::Status JsonReader::WrongType(absl::string_view wanted) const {
  return Error(absl::StrCat("is not ", wanted, " but of type ", value_->type_name()));
}

JsonDocument::JsonDocument(Json value) : value_(std::make_shared<const Json>(std::move(value))) {}

absl::StatusOr<JsonDocument> JsonDocument::Parse(absl::string_view text) {
  ASSIGN_OR_RETURN(Json value, ParseJsonObject(text));
  return JsonDocument(std::move(value));
}

}  // namespace crisp
