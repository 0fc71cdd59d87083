// UnknownFields: the fields of a request that crisp's API definition does not have. A newer client sends them; crisp
// cannot honour them, so somebody should be told.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <vector>

namespace crisp {

inline constexpr size_t kMaxUnknownFields = 16;
inline constexpr int kMaxUnknownFieldDepth = 32;

// The fields that the protobuf parser kept without knowing them, in `message` and in the messages below it. Each is the
// path of the message that holds it and its number, such as "config.linux:99"; a field of `message` itself is its
// number alone. Paths have no indexes and no map keys, and each is listed once. Stops at kMaxUnknownFields paths and
// does not look below kMaxUnknownFieldDepth levels. Empty if all fields are known. Any thread.
std::vector<std::string> UnknownFields(const google::protobuf::Message& message);

}  // namespace crisp
