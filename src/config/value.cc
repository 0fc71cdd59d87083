#include "config/value.h"

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "base/url.h"

namespace crisp {
namespace {

std::string Quote(absl::string_view text) {
  return absl::StrCat("\"", absl::Utf8SafeCEscape(WithoutUserInfo(text)), "\"");
}

std::string ShowList(const std::vector<std::string>& list) {
  return absl::StrCat(
      "[", absl::StrJoin(list, ", ", [](std::string* out, const std::string& item) { *out += Quote(item); }), "]");
}

// Empty for what is no duration of finite length.
std::string CanonicalDuration(absl::string_view text) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration)) return "";
  if (duration == absl::InfiniteDuration() || duration == -absl::InfiniteDuration()) return "";
  return absl::FormatDuration(duration);
}

std::optional<std::vector<std::string>> StringsOf(const toml::array& array) {
  std::vector<std::string> list;
  for (const toml::node& item : array) {
    std::optional<std::string> text = item.value_exact<std::string>();
    if (!text) return std::nullopt;
    list.push_back(*std::move(text));
  }
  return list;
}

// Reads `node` as the one type that it is; false if that is none which a key can have (dates, mixed arrays, tables).
bool ReadNative(const toml::node& node, FileValue* value) {
  if (std::optional<std::string> text = node.value_exact<std::string>()) {
    value->shown = Quote(*text);
    value->canonical = value->text = *std::move(text);
  } else if (std::optional<int64_t> number = node.value_exact<int64_t>()) {
    value->number = *number;
    value->real = static_cast<double>(*number);
    value->shown = value->canonical = absl::StrCat(*number);
  } else if (std::optional<bool> flag = node.value_exact<bool>()) {
    value->flag = *flag;
    value->shown = value->canonical = *flag ? "true" : "false";
  } else if (std::optional<double> real = node.value_exact<double>()) {
    value->real = *real;
    value->shown = value->canonical = absl::StrCat(*real);
  } else if (const toml::array* array = node.as_array()) {
    std::optional<std::vector<std::string>> list = StringsOf(*array);
    if (!list) return false;
    value->shown = ShowList(*list);
    value->canonical = absl::StrJoin(*list, ",");
    value->list = *std::move(list);
  } else {
    return false;
  }
  return true;
}

bool IsOfType(const toml::node& node, ValueType type) {
  switch (type) {
    case ValueType::kText:
    case ValueType::kDuration:
      return node.is_string();
    case ValueType::kInteger:
      return node.is_integer();
    case ValueType::kFlag:
      return node.is_boolean();
    case ValueType::kReal:
      return node.is_number();
    case ValueType::kList:
      return node.is_array();
    case ValueType::kPeriod:
      return node.is_integer() || node.is_string();
    case ValueType::kAny:
      return true;
    case ValueType::kTable:
      return node.is_table();
  }
  return false;
}

absl::Status WrongType(const toml::node& node, ValueType type) {
  return absl::InvalidArgumentError(absl::StrCat("expected ", Describe(type), ", found ", Describe(node)));
}

// Brings what is equal in meaning to one spelling.
absl::Status Canonicalize(const toml::node& node, ValueType type, FileValue* value) {
  if (type == ValueType::kDuration || type == ValueType::kPeriod) {
    value->canonical = CanonicalDuration(node.is_integer() ? absl::StrCat(value->number, "s") : value->text);
    if (value->canonical.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("expected ", Describe(type), ", found ", value->shown));
    }
  }
  if (type == ValueType::kAny && (value->canonical == "0" || value->canonical == "false")) value->canonical.clear();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FileValue> ReadValue(const toml::node& node, ValueType type) {
  FileValue value;
  if (!IsOfType(node, type)) return WrongType(node, type);
  value.table = node.as_table();
  if (type == ValueType::kTable) return value;
  if (!ReadNative(node, &value)) {
    // A value that only says "present" may be of any kind.
    if (type != ValueType::kAny) return WrongType(node, type);
    value.shown = value.canonical = Describe(node);
    return value;
  }
  RETURN_IF_ERROR(Canonicalize(node, type, &value));
  return value;
}

std::string CanonicalDefault(ValueType type, absl::string_view text) {
  std::string canonical;
  double real = 0;
  if (type == ValueType::kReal && absl::SimpleAtod(text, &real)) canonical = absl::StrCat(real);
  if (type == ValueType::kDuration) canonical = CanonicalDuration(text);
  if (type == ValueType::kPeriod) canonical = CanonicalDuration(absl::StrCat(text, "s"));
  return canonical.empty() ? std::string(text) : canonical;
}

std::string Describe(const toml::node& node) {
  if (node.is_string()) return "a string";
  if (node.is_integer()) return "an integer";
  if (node.is_floating_point()) return "a number with a fraction";
  if (node.is_boolean()) return "true or false";
  if (node.is_table()) return "a table";
  if (node.is_array()) {
    return StringsOf(*node.as_array()) ? "a list of strings" : "a list of something else than strings";
  }
  return "a date or time";
}

std::string Describe(ValueType type) {
  switch (type) {
    case ValueType::kText:
      return "a string";
    case ValueType::kInteger:
      return "an integer";
    case ValueType::kFlag:
      return "true or false";
    case ValueType::kReal:
      return "a number";
    case ValueType::kList:
      return "a list of strings";
    case ValueType::kDuration:
      return "a duration such as \"1m30s\"";
    case ValueType::kPeriod:
      return "a number of seconds or a duration such as \"1m30s\"";
    case ValueType::kAny:
      return "a value";
    case ValueType::kTable:
      return "a table";
  }
  return "";
}

}  // namespace crisp
