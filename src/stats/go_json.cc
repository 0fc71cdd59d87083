#include "stats/go_json.h"

#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace crisp {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using nlohmann::json;

// The value of a field, or the one at `index` of a repeated field. The CRI messages have no field of another type.
json ValueOf(const Message& message, const FieldDescriptor* field, int index) {
  const Reflection& r = *message.GetReflection();
  const bool one = !field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return one ? r.GetInt32(message, field) : r.GetRepeatedInt32(message, field, index);
    case FieldDescriptor::CPPTYPE_INT64:
      return one ? r.GetInt64(message, field) : r.GetRepeatedInt64(message, field, index);
    case FieldDescriptor::CPPTYPE_UINT32:
      return one ? r.GetUInt32(message, field) : r.GetRepeatedUInt32(message, field, index);
    case FieldDescriptor::CPPTYPE_UINT64:
      return one ? r.GetUInt64(message, field) : r.GetRepeatedUInt64(message, field, index);
    case FieldDescriptor::CPPTYPE_BOOL:
      return one ? r.GetBool(message, field) : r.GetRepeatedBool(message, field, index);
    case FieldDescriptor::CPPTYPE_ENUM:
      return one ? r.GetEnumValue(message, field) : r.GetRepeatedEnumValue(message, field, index);
    case FieldDescriptor::CPPTYPE_STRING:
      return one ? r.GetString(message, field) : r.GetRepeatedString(message, field, index);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return GoJson(one ? r.GetMessage(message, field) : r.GetRepeatedMessage(message, field, index));
    default:
      return {};
  }
}

// Maps are repeated messages with the fields key and value.
json MapOf(const Message& message, const FieldDescriptor* field) {
  json map = json::object();
  const Reflection& r = *message.GetReflection();
  for (int i = 0; i < r.FieldSize(message, field); ++i) {
    const Message& entry = r.GetRepeatedMessage(message, field, i);
    const json key = ValueOf(entry, field->message_type()->map_key(), 0);
    map[key.is_string() ? key.get<std::string>() : key.dump()] = ValueOf(entry, field->message_type()->map_value(), 0);
  }
  return map;
}

json ListOf(const Message& message, const FieldDescriptor* field) {
  json list = json::array();
  for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
    list.push_back(ValueOf(message, field, i));
  }
  return list;
}

}  // namespace

json GoJson(const Message& message) {
  json object = json::object();
  std::vector<const FieldDescriptor*> fields;  // those that differ from the default
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    json& value = object[field->name()];
    if (field->is_map()) {
      value = MapOf(message, field);
    } else {
      value = field->is_repeated() ? ListOf(message, field) : ValueOf(message, field, 0);
    }
  }
  return object;
}

}  // namespace crisp
