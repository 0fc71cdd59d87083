#include "client/session.h"

#include <unistd.h>

#include <cstdlib>

#include "base/status_macros.h"

namespace crisp::client {
namespace {

// What a reader that has gone does not take is dropped, as SIGPIPE would end the program there.
void Write(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;
    text.remove_prefix(static_cast<size_t>(count));
  }
}

}  // namespace

absl::StatusOr<Endpoint> Session::Socket() {
  if (endpoint_ == nullptr) {
    EndpointChoices choices;
    choices.flag = options_.endpoint;
    if (const char* variable = getenv("CONTAINER_RUNTIME_ENDPOINT")) choices.variable = variable;
    ASSIGN_OR_RETURN(Endpoint endpoint, ChooseEndpoint(choices));
    endpoint_ = std::make_unique<Endpoint>(std::move(endpoint));
  }
  return *endpoint_;
}

absl::StatusOr<RuntimeClient*> Session::Runtime() {
  if (runtime_ == nullptr) {
    ASSIGN_OR_RETURN(const Endpoint endpoint, Socket());
    runtime_ = std::make_unique<RuntimeClient>(endpoint.path);
  }
  return runtime_.get();
}

void Out(absl::string_view text) {
  Write(STDOUT_FILENO, text);
}

void Err(absl::string_view text) {
  Write(STDERR_FILENO, text);
}

}  // namespace crisp::client
