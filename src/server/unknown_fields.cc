#include "server/unknown_fields.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace crisp {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::UnknownFieldSet;

// One walk over a message.
class Collector {
 public:
  void Visit(const Message& message, const std::string& path, int depth) {
    AddUnknown(message.GetReflection()->GetUnknownFields(message), path);
    if (depth == kMaxUnknownFieldDepth) return;
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      if (full()) return;
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) VisitField(message, *field, path, depth);
    }
  }

  std::vector<std::string> Take() { return std::move(found_); }

 private:
  bool full() const { return found_.size() >= kMaxUnknownFields; }

  void VisitField(const Message& message, const FieldDescriptor& field, const std::string& parent, int depth) {
    const Reflection& reflection = *message.GetReflection();
    const std::string path = absl::StrCat(parent, parent.empty() ? "" : ".", field.name());
    if (!field.is_repeated()) return Visit(reflection.GetMessage(message, &field), path, depth + 1);
    for (int i = 0; i < reflection.FieldSize(message, &field) && !full(); ++i) {
      Visit(reflection.GetRepeatedMessage(message, &field, i), path, depth + 1);
    }
  }

  void AddUnknown(const UnknownFieldSet& fields, const std::string& path) {
    for (int i = 0; i < fields.field_count() && !full(); ++i) {
      std::string name = absl::StrCat(path, path.empty() ? "" : ":", fields.field(i).number());
      if (std::find(found_.begin(), found_.end(), name) == found_.end()) found_.push_back(std::move(name));
    }
  }

  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> UnknownFields(const Message& message) {
  Collector collector;
  collector.Visit(message, "", 0);
  return collector.Take();
}

void UnknownFieldLog::Look(absl::string_view method, const Message& request) {
  for (const std::string& field : UnknownFields(request)) {
    if (!IsNew(method, field)) continue;
    LogWarning("a request has a field that this version of crisp does not know; it is ignored",
               {{"method", method}, {"field", field}});
  }
}

bool UnknownFieldLog::IsNew(absl::string_view method, const std::string& field) {
  const MutexLock lock(mutex_);
  return seen_.size() < kMost && seen_.emplace(std::string(method), field).second;
}

}  // namespace crisp
