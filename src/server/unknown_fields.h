// UnknownFields: the fields of a request that crisp's API definition does not have. A newer client sends them; crisp
// ignores them, and says so once in the log.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace crisp {

inline constexpr size_t kMaxUnknownFields = 16;
inline constexpr int kMaxUnknownFieldDepth = 32;

// The fields that the protobuf parser kept without knowing them, in `message` and in the messages below it. Each is the
// path of the message that holds it and its number, such as "config.linux:99"; a field of `message` itself is its
// number alone. Paths have no indexes and no map keys, and each is listed once. Stops at kMaxUnknownFields paths and
// does not look below kMaxUnknownFieldDepth levels. Empty if all fields are known. Any thread.
std::vector<std::string> UnknownFields(const google::protobuf::Message& message);

// Writes a warning for each unknown field that it sees for the first time. Thread-safe.
class UnknownFieldLog {
 public:
  // More are not remembered, and not logged: a client can make up any number.
  static constexpr size_t kMost = 500;

  void Look(absl::string_view method, const google::protobuf::Message& request);

 private:
  bool IsNew(absl::string_view method, const std::string& field);

  Mutex mutex_;
  std::set<std::pair<std::string, std::string>> seen_ ABSL_GUARDED_BY(mutex_);  // method and field
};

}  // namespace crisp
