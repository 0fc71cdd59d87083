// Text: the message of a status as std::string, which GoogleTest's matchers of strings take.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace crisp {

inline std::string Text(const absl::Status& status) {
  return std::string(status.message());
}

}  // namespace crisp
