#include "e2e/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "e2e/wait.h"
#include "os/fd.h"

namespace crisp::e2e {
namespace {

Fd Connect(const std::string& address, int port) {
  Fd connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{1, 0};
  setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, address.c_str(), &where.sin_addr);
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) return Fd();
  return connection;
}

}  // namespace

bool CanConnect(const std::string& address, int port) {
  return Connect(address, port).valid();
}

std::string Fetch(const std::string& address, int port, const std::string& path) {
  std::string answer;
  WaitFor("an answer of http://" + address + ":" + std::to_string(port), std::chrono::seconds(5), [&] {
    const Fd connection = Connect(address, port);
    if (!connection.valid()) return false;
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    if (write(connection.get(), request.data(), request.size()) < 0) return false;
    char buffer[4096];
    for (ssize_t n; (n = read(connection.get(), buffer, sizeof buffer)) > 0;)
      answer.append(buffer, static_cast<size_t>(n));
    return !answer.empty();
  });
  return answer;
}

}  // namespace crisp::e2e
