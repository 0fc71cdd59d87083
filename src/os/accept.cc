#include "os/accept.h"

#include <sys/socket.h>

#include <cerrno>

namespace crisp {
namespace {

constexpr int kAtOnce = 16;

bool IsShortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Accepted AcceptClients(int listener, absl::FunctionRef<void(Fd)> accept) {
  for (int i = 0; i < kAtOnce; ++i) {
    Fd client(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client.valid() && IsShortage(errno)) return Accepted::kShortage;
    // Errors other than EAGAIN are about one client that has gone already; those behind it are accepted by the next
    // call.
    if (!client.valid()) break;
    accept(std::move(client));
  }
  return Accepted::kSome;
}

}  // namespace crisp
