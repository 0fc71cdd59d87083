// CRI messages in the JSON that Go programs make of them, which is what people query with crictl and jq.
#pragma once

#include <google/protobuf/message.h>

#include <nlohmann/json_fwd.hpp>

namespace crisp {

// As Go's encoding/json writes a message of the Kubernetes API: names as in the .proto file, numbers of 64 bits and
// enumerations as numbers, fields with the default value left out. protobuf's own JSON differs in all three.
nlohmann::json GoJson(const google::protobuf::Message& message);

}  // namespace crisp
