#include "runtime/message_check.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "runtime/field_error.h"

namespace crisp {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

absl::Status CheckText(const std::string& text, absl::string_view name) {
  if (text.find('\0') != std::string::npos) return InvalidField(name, "has a NUL byte");
  if (!IsUtf8(text)) return InvalidField(name, "is not UTF-8, which the OCI runtime's config.json cannot carry");
  return absl::OkStatus();
}

absl::Status CheckOne(const Message& message, const FieldDescriptor& field, int index, absl::string_view name) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return CheckStrings(field.is_repeated() ? reflection.GetRepeatedMessage(message, &field, index)
                                            : reflection.GetMessage(message, &field),
                        name);
  }
  std::string scratch;
  return CheckText(field.is_repeated() ? reflection.GetRepeatedStringReference(message, &field, index, &scratch)
                                       : reflection.GetStringReference(message, &field, &scratch),
                   name);
}

// Length of the UTF-8 sequence at the start of `text`, 0 if it is none. Unicode 15, table 3-7.
size_t SequenceLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto tail = [&](size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) > 0x9F;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool beyond = first == 0xF4 && byte(1) > 0x8F;
    return tail(1) && tail(2) && tail(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool HasControlCharacter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

absl::Status CheckStrings(const Message& message, absl::string_view name) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool text = field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    if (!text && field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const std::string path = absl::StrCat(name, ".", field->name());
    if (!field->is_repeated()) {
      RETURN_IF_ERROR(CheckOne(message, *field, 0, path));
      continue;
    }
    for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
      RETURN_IF_ERROR(CheckOne(message, *field, i, absl::StrCat(path, "[", i, "]")));
    }
  }
  return absl::OkStatus();
}

}  // namespace crisp
