#include "os/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/netns.h"

namespace crisp {
namespace {

Fd MakeSocket(int family) {
  Fd made(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (made.valid()) setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return made;
}

int ConnectV4(int socket, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
}

int ConnectV6(int socket, uint16_t port) {
  if (socket < 0) return EAFNOSUPPORT;
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  return connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
}

// The result of a connect: 0, EINPROGRESS, or the error.
int Outcome(int socket) {
  pollfd decided{socket, POLLOUT, 0};
  if (poll(&decided, 1, 0) == 0) return EINPROGRESS;
  int error = 0;
  socklen_t size = sizeof(error);
  return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace

absl::StatusOr<LoopbackDial> LoopbackDial::Begin(const std::string& netns, uint16_t port) {
  LoopbackDial dial(port);
  if (netns.empty()) {
    RETURN_IF_ERROR(dial.MakeSockets());
  } else {
    RETURN_IF_ERROR(RunInNetns(netns, [&] { return dial.MakeSockets(); }));
  }
  return dial;
}

absl::Status LoopbackDial::MakeSockets() {
  v4_ = MakeSocket(AF_INET);
  if (!v4_.valid()) return ErrnoStatus(errno, "make a socket");
  v6_ = MakeSocket(AF_INET6);
  return absl::OkStatus();
}

absl::StatusOr<bool> LoopbackDial::Step() {
  int error = StepSocket();
  if (!connecting_v6_ && error != 0 && error != EINPROGRESS) {
    refused_v4_ = ErrnoStatus(error, absl::StrCat("connect to 127.0.0.1:", port_));
    connecting_v6_ = true;
    asked_ = false;
    error = StepSocket();
  }
  if (error == 0 || error == EINPROGRESS) return error == 0;
  return Join(refused_v4_, ErrnoStatus(error, absl::StrCat("connect to [::1]:", port_)));
}

int LoopbackDial::StepSocket() {
  if (std::exchange(asked_, true)) return Outcome(socket());
  return connecting_v6_ ? ConnectV6(v6_.get(), port_) : ConnectV4(v4_.get(), port_);
}

}  // namespace crisp
