#include "e2e/slow_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

namespace crisp::e2e {
namespace {

constexpr int kLookMillis = 50;  // for the end
constexpr int kPiecesPerSecond = 50;

sockaddr_in Local(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Fd Socket() {
  return Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

}  // namespace

SlowProxy::SlowProxy(int port, int target, int bytes_per_second)
    : target_(target), bytes_per_second_(bytes_per_second), listener_(Socket()) {
  const int on = 1;
  setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = Local(port);
  if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener_.get(), 16) != 0) {
    throw std::runtime_error("the slow proxy cannot listen on port " + std::to_string(port));
  }
  thread_ = std::thread([this] { Accept(); });
}

SlowProxy::~SlowProxy() {
  ending_ = true;
  thread_.join();
}

void SlowProxy::Accept() {
  while (!ending_) {
    pollfd ready = {listener_.get(), POLLIN, 0};
    if (poll(&ready, 1, kLookMillis) <= 0) continue;
    Fd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client.valid()) continue;
    connections_.emplace_back([this, socket = std::move(client)] { Serve(socket); });
  }
  for (std::thread& connection : connections_) connection.join();
}

void SlowProxy::Serve(const Fd& client) const {
  const Fd server = Socket();
  const sockaddr_in address = Local(target_);
  if (connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return;
  while (!ending_) {
    pollfd ready[] = {{client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}};
    if (poll(ready, 2, kLookMillis) <= 0) continue;
    if (ready[0].revents != 0 && !Pass(client, server, 1 << 16)) return;
    if (ready[1].revents == 0) continue;
    if (!Pass(server, client, static_cast<size_t>(bytes_per_second_ / kPiecesPerSecond))) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1000 / kPiecesPerSecond));
  }
}

bool SlowProxy::Pass(const Fd& from, const Fd& to, size_t most) const {
  std::string buffer(most, '\0');
  const ssize_t count = recv(from.get(), buffer.data(), buffer.size(), 0);
  for (ssize_t sent = 0; sent < count;) {
    const ssize_t more = send(to.get(), buffer.data() + sent, static_cast<size_t>(count - sent), MSG_NOSIGNAL);
    if (more <= 0) return false;
    sent += more;
  }
  return count > 0;
}

}  // namespace crisp::e2e
