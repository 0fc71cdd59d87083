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

struct Sockets {
  Fd v4;
  Fd v6;  // invalid where the kernel has no IPv6
};

Sockets MakeSockets() {
  constexpr int kType = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  return {Fd(socket(AF_INET, kType, 0)), Fd(socket(AF_INET6, kType, 0))};
}

absl::StatusOr<Sockets> MakeSocketsIn(const std::string& netns) {
  Sockets sockets;
  const auto make = [&] {
    sockets = MakeSockets();
    return sockets.v4.valid() ? absl::OkStatus() : ErrnoStatus(errno, "make a socket");
  };
  if (netns.empty()) {
    RETURN_IF_ERROR(make());
  } else {
    RETURN_IF_ERROR(RunInNetns(netns, make));
  }
  return sockets;
}

absl::Status Connect(int socket, const sockaddr* address, socklen_t size, const std::string& name, const Call& call) {
  if (connect(socket, address, size) == 0) return absl::OkStatus();
  if (errno != EINPROGRESS) return ErrnoStatus(errno, absl::StrCat("connect to ", name));
  pollfd done{socket, POLLOUT, 0};
  while (poll(&done, 1, PollMillis(call.NextLook())) <= 0) RETURN_IF_ERROR(call.Check(), "connect to ", name);
  int error = 0;
  socklen_t error_size = sizeof(error);
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &error_size);
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, absl::StrCat("connect to ", name));
}

absl::Status ConnectV4(const Fd& socket, uint16_t port, const Call& call) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return Connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address),
                 absl::StrCat("127.0.0.1:", port), call);
}

absl::Status ConnectV6(const Fd& socket, uint16_t port, const Call& call) {
  if (!socket.valid()) return ErrnoStatus(EAFNOSUPPORT, absl::StrCat("connect to [::1]:", port));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  return Connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address),
                 absl::StrCat("[::1]:", port), call);
}

}  // namespace

absl::StatusOr<Fd> ConnectToLoopback(const std::string& netns, uint16_t port, const Call& call) {
  ASSIGN_OR_RETURN(Sockets sockets, MakeSocketsIn(netns));
  Fd connected = std::move(sockets.v4);
  if (const absl::Status v4 = ConnectV4(connected, port, call); !v4.ok()) {
    RETURN_IF_ERROR(call.Check(), v4.message());
    connected = std::move(sockets.v6);
    if (const absl::Status v6 = ConnectV6(connected, port, call); !v6.ok()) return Join(v4, v6);
  }
  const int on = 1;
  setsockopt(connected.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return connected;
}

}  // namespace crisp
