// A minimal HTTP client: fetches a page from a container that serves one, or from crispd.
#pragma once

#include <string>

namespace crisp::e2e {

// The answer to GET `path` of the server at `address`:`port`, headers included. Tries for up to five seconds until it
// answers, then throws std::runtime_error.
std::string Fetch(const std::string& address, int port, const std::string& path = "/");

// The body of the answer of the server at the unix socket `socket`; empty if none answers within five seconds, or if
// the answer is an error.
std::string FetchFromSocket(const std::string& socket, const std::string& path);

// True if a server accepts a connection there within a second.
bool CanConnect(const std::string& address, int port);

}  // namespace crisp::e2e
