// Whether two requests ask for the same.
#pragma once

#include <string>

#include "google/protobuf/message_lite.h"

namespace crisp {

// Equal for messages with equal fields: maps are written in the order of their keys.
std::string ContentsOf(const google::protobuf::MessageLite& message);

}  // namespace crisp
