// The place of crispd's own socket.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace crisp {

// Whether a server can listen at `path`: nothing is there, or a socket that nobody answers, which bind(2) in gRPC
// replaces. InvalidArgument for a path that no socket can have; FailedPrecondition where another server answers, or
// where something else is, which is named and left alone.
absl::Status CheckSocketPath(const std::string& path);

}  // namespace crisp
