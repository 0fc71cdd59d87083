// The least HTTP client: fetches a page from a container that serves one.
#pragma once

#include <string>

namespace crisp::e2e {

// The whole answer to GET / of a server at `address`:`port`, headers included; tries until it answers, for at most
// five seconds, then throws std::runtime_error.
std::string Fetch(const std::string& address, int port);

// True if somebody accepts a connection there within a second.
bool CanConnect(const std::string& address, int port);

}  // namespace crisp::e2e
