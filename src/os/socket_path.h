// Places of sockets that crispd listens at.
//
// Threading: from any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace crisp {

// Whether a server can listen at `path`: nothing is there, or a socket that nobody answers, which bind(2) in gRPC
// replaces. InvalidArgument for a path that no socket can have; FailedPrecondition where another server answers, or
// where something else is, which is named and left alone. Errors name `key`, which the path comes from.
absl::Status CheckSocketPath(const std::string& path, absl::string_view key);

}  // namespace crisp
