// What CRI's filters select by.
#pragma once

#include <string>

#include "google/protobuf/map.h"

namespace crisp {

// True if all of `selector` are among `labels`.
bool HasLabels(const google::protobuf::Map<std::string, std::string>& labels,
               const google::protobuf::Map<std::string, std::string>& selector);

}  // namespace crisp
