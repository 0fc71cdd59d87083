#include "e2e/registry.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "e2e/files.h"
#include "e2e/wait.h"
#include "os/fd.h"

namespace crisp::e2e {
namespace {

bool Accepts(int port) {
  const Fd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

Registry::Registry(const std::string& directory, const std::string& store, int port, bool read_only)
    : port_(port), log_(directory + "/registry-" + std::to_string(port) + ".log") {
  const std::string config = directory + "/registry-" + std::to_string(port) + ".yml";
  WriteFile(config,
            "version: 0.1\n"
            "log: {level: warn, accesslog: {disabled: false}}\n"
            "storage:\n"
            "  filesystem: {rootdirectory: " +
                store +
                "}\n"
                "  maintenance: {uploadpurging: {enabled: false}, readonly: {enabled: " +
                std::string(read_only ? "true" : "false") +
                "}}\n"
                "http: {addr: 127.0.0.1:" +
                std::to_string(port) + "}\n");
  process_.Start("/usr/bin/docker-registry", {"serve", config}, log_);
  WaitFor("docker-registry to accept connections; its log is " + log_, std::chrono::seconds(20),
          [&] { return Accepts(port) || !process_.Running(); });
  if (!process_.Running()) throw std::runtime_error("docker-registry has ended: " + ReadFile(log_));
}

std::string Registry::Log() const {
  return ReadFile(log_);
}

}  // namespace crisp::e2e
