#include "e2e/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

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

Fd ConnectToSocket(const std::string& path) {
  Fd connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  strncpy(where.sun_path, path.c_str(), sizeof(where.sun_path) - 1);
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) return Fd();
  return connection;
}

// The whole answer; empty without one.
std::string Ask(const Fd& connection, const std::string& path) {
  std::string answer;
  const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
  if (!connection.valid() || write(connection.get(), request.data(), request.size()) < 0) return "";
  char buffer[4096];
  for (ssize_t n; (n = read(connection.get(), buffer, sizeof buffer)) > 0;) {
    answer.append(buffer, static_cast<size_t>(n));
  }
  return answer;
}

}  // namespace

std::string FetchFromSocket(const std::string& socket, const std::string& path) {
  std::string body;
  WaitFor("an answer of " + socket, std::chrono::seconds(5), [&] {
    const std::string answer = Ask(ConnectToSocket(socket), path);
    const size_t end = answer.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    if (answer.rfind("HTTP/1.1 200 ", 0) == 0) body = answer.substr(end + 4);
    return true;
  });
  return body;
}

bool CanConnect(const std::string& address, int port) {
  return Connect(address, port).valid();
}

std::string Fetch(const std::string& address, int port, const std::string& path) {
  std::string answer;
  WaitFor("an answer of http://" + address + ":" + std::to_string(port), std::chrono::seconds(5), [&] {
    answer = Ask(Connect(address, port), path);
    return !answer.empty();
  });
  return answer;
}

}  // namespace crisp::e2e
