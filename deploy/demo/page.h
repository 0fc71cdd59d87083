// Fetching a page, as a visitor of the demonstration's pod would.
#pragma once

#include <chrono>
#include <string>

#include "absl/status/statusor.h"

namespace crisp {

// The body of `url`. A server that does not listen yet is asked again until `patience` is over.
absl::StatusOr<std::string> FetchPage(const std::string& url, std::chrono::milliseconds patience);

// A TCP port of this machine that nobody listens on now.
absl::StatusOr<int> FreePort();

}  // namespace crisp
