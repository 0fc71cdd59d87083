// For tests: TCP servers on 127.0.0.1.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include "os/fd.h"

namespace crisp {

// A server on 127.0.0.1 that gives each connection to a thread of its own.
class TestServer {
 public:
  explicit TestServer(std::function<void(int)> serve) : serve_(std::move(serve)) {
    fd_ = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    if (bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(fd_.get(), 1000) != 0) abort();
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~TestServer() {
    shutdown(fd_.get(), SHUT_RDWR);
    acceptor_.join();
    for (auto& thread : threads_) thread.join();
  }
  int port() const { return port_; }

 private:
  void Accept() {
    for (;;) {
      const int client = accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      threads_.emplace_back([this, client] {
        const Fd owned(client);
        serve_(client);
      });
    }
  }

  const std::function<void(int)> serve_;
  Fd fd_;
  int port_ = 0;
  std::thread acceptor_;
  std::vector<std::thread> threads_;
};

inline void Echo(int client) {
  char buffer[64 << 10];
  for (ssize_t got; (got = recv(client, buffer, sizeof(buffer), 0)) > 0;) {
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t put = send(client, buffer + sent, static_cast<size_t>(got - sent), MSG_NOSIGNAL);
      if (put <= 0) return;
      sent += put;
    }
  }
}

// A port of 127.0.0.1 at which nobody listens, for as long as the object lives.
class DeafPort {
 public:
  DeafPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    if (bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) abort();
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }

 private:
  const Fd fd_;
  int port_ = 0;
};

}  // namespace crisp
