#include "streaming/stream_listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "os/accept.h"
#include "os/errno_status.h"

namespace crisp {
namespace {

// Keepalive (tcp(7)): seconds of silence before the first probe, seconds between probes, and the number of unanswered
// probes that end the connection.
constexpr int kKeepIdle = 15;
constexpr int kKeepInterval = 5;
constexpr int kKeepProbes = 3;

void SetOption(int socket, int level, int name, int value) {
  setsockopt(socket, level, name, &value, sizeof(value));
}

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

absl::StatusOr<Address> ParseAddress(const std::string& address, const std::string& port) {
  uint32_t number = 0;
  if (!absl::SimpleAtoi(port, &number) || number > UINT16_MAX) {
    return absl::InvalidArgumentError(absl::StrCat("port \"", port, "\": must be a number up to 65535"));
  }
  Address parsed;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&parsed.storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&parsed.storage);
  if (inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<uint16_t>(number));
    parsed.length = sizeof(*v4);
  } else if (inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<uint16_t>(number));
    parsed.length = sizeof(*v6);
  } else {
    return absl::InvalidArgumentError(absl::StrCat("address \"", address, "\": must be an IPv4 or IPv6 address"));
  }
  return parsed;
}

// The address for clients on this machine: loopback in place of a wildcard.
std::string HostOf(const Address& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.storage.ss_family == AF_INET) {
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
    const bool any = v4->sin_addr.s_addr == htonl(INADDR_ANY);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    return absl::StrCat(any ? "127.0.0.1" : text, ":", ntohs(v4->sin_port));
  }
  const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
  const bool any = IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
  inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
  return absl::StrCat("[", any ? "::1" : text, "]:", ntohs(v6->sin6_port));
}

}  // namespace

absl::StatusOr<ListeningSocket> ListenTcp(const std::string& address, const std::string& port) {
  auto parsed = ParseAddress(address, port);
  if (!parsed.ok()) return parsed.status();
  const std::string what = absl::StrCat("listen on ", address, " port ", port);
  Fd fd(socket(parsed->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoStatus(errno, what);
  SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  auto* const name = reinterpret_cast<sockaddr*>(&parsed->storage);
  if (bind(fd.get(), name, parsed->length) != 0 || listen(fd.get(), SOMAXCONN) != 0 ||
      getsockname(fd.get(), name, &parsed->length) != 0) {
    return ErrnoStatus(errno, what);
  }
  return ListeningSocket{std::move(fd), HostOf(*parsed)};
}

StreamListener::StreamListener(StreamLoop* loop, Fd socket, std::function<void(Fd)> accepted)
    : socket_(std::move(socket)), accepted_(std::move(accepted)), wait_(loop, socket_.get()), pause_(loop) {
  Accept();
}

void StreamListener::Accept() {
  const Accepted accepted = AcceptClients(socket_.get(), [this](Fd client) {
    SetOption(client.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    SetOption(client.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    SetOption(client.get(), IPPROTO_TCP, TCP_KEEPIDLE, kKeepIdle);
    SetOption(client.get(), IPPROTO_TCP, TCP_KEEPINTVL, kKeepInterval);
    SetOption(client.get(), IPPROTO_TCP, TCP_KEEPCNT, kKeepProbes);
    accepted_(std::move(client));
  });
  if (accepted == Accepted::kShortage) return pause_.Start(kAcceptPause, [this] { Accept(); });
  wait_.WhenReadable([this] { Accept(); });
}

}  // namespace crisp
