// TestWorld: the fixture of the network room's tests. Each runs in a mount and network namespace of its own, so that
// nothing that a test or a plugin leaves (veths, bridges, iptables rules, leases, pins) stays on the machine.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "network/network.h"
#include "os/file.h"
#include "os/link_stats.h"
#include "os/mount.h"
#include "os/netlink.h"
#include "os/netns.h"
#include "os/process.h"
#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"

namespace crisp {

inline constexpr char kPluginDir[] = "/usr/lib/cni";

class TestWorld : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, to make namespaces";
    if (!Exists(std::string(kPluginDir) + "/bridge")) GTEST_SKIP() << "needs the CNI plugins in " << kPluginDir;
    EnterMountNamespace(CLONE_NEWNET);
    ASSERT_TRUE(MountTmpfs("/run", "16m", "0755").ok()) << "xtables.lock, and our pins";
    for (const char* sub : {"/conf", "/bin", "/ipam"}) ASSERT_TRUE(MakeDirs(dir_ + sub, 0755).ok());
    ASSERT_TRUE(Netlink::Open()->BringUp("lo").ok());
    options_.bin_dirs = {dir_ + "/bin", kPluginDir};
    options_.conf_dir.path = dir_ + "/conf";
  }
  void TearDown() override {
    if (IsSkipped()) return;
    for (const std::string& path : pins_) EXPECT_TRUE(RemoveNetns(path).ok());
  }

  void WriteConf(const std::string& file, const std::string& text) {
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, options_.conf_dir.path + "/" + file, text, 0644).ok());
  }

  // A program in the first of the plugin directories.
  void WritePlugin(const std::string& name, const std::string& script) {
    const std::string path = dir_ + "/bin/" + name;
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, path, "#!/bin/sh\n" + script + "\n", 0755).ok());
    ASSERT_EQ(chmod(path.c_str(), 0755), 0);
  }

  // A plugin's configuration: the bridge `name` with addresses 10.<subnet>.0.0/24.
  std::string Bridge(const std::string& name, int subnet) const {
    return absl::StrCat(
        R"({"type":"bridge","bridge":")", name,
        R"(","isGateway":true,"ipMasq":true,"hairpinMode":true,"ipam":{"type":"host-local","dataDir":")", dir_,
        R"(/ipam","ranges":[[{"subnet":"10.)", subnet, R"(.0.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}})");
  }
  static std::string Portmap() { return R"({"type":"portmap","capabilities":{"portMappings":true}})"; }
  static std::string List(const std::string& name, const std::string& plugins) {
    return absl::StrCat(R"({"cniVersion":"1.0.0","name":")", name, R"(","plugins":[)", plugins, "]}");
  }

  void StartNetwork() {
    auto network = Network::Start(options_);
    ASSERT_TRUE(network.ok()) << network.status();
    network_ = *std::move(network);
  }

  PodNetworkRequest NewPod(const std::string& id, std::vector<PortMap> ports = {}) {
    PodNetworkRequest request;
    request.pod_id = id;
    request.name = "web-0";
    request.namespace_name = "default";
    request.uid = "4ab0b9c5-6f0c-4c0b-8b1e-6c5d1c3a9f00";
    request.netns_path = "/run/netns/" + id;
    request.ports = std::move(ports);
    EXPECT_TRUE(CreateNetns(request.netns_path).ok());
    pins_.push_back(request.netns_path);
    return request;
  }

  // What the machine (this namespace of it) would keep of a pod: interfaces, leases, and rules of iptables. Addresses
  // of leases and chains of plugins that all pods share are no leftovers.
  std::set<std::string> Traces() const {
    std::set<std::string> traces;
    const std::vector<LinkReading> links = *LinkStats::Open()->Read();
    for (const LinkReading& link : links) {
      if (absl::StartsWith(link.name, "veth")) traces.insert("link " + link.name);
    }
    const std::vector<std::string> networks = *ListDir(dir_ + "/ipam");
    for (const std::string& network : networks) {
      const std::vector<std::string> files = *ListDir(dir_ + "/ipam/" + network);
      for (const std::string& file : files) {
        if (absl::StartsWith(file, "10.")) traces.insert("lease " + network + "/" + file);
      }
    }
    for (const char* save : {"/usr/sbin/iptables-save", "/usr/sbin/ip6tables-save"}) {
      for (const std::string& rule : RulesOf(save)) traces.insert(rule);
    }
    return traces;
  }

  // A socket listening on `port` in the namespace pinned to `netns`.
  static Fd ListenIn(const std::string& netns, int port) {
    Fd listener;
    EXPECT_TRUE(RunInNetns(netns, [&] {
                  listener = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
                  const sockaddr_in any = Address("0.0.0.0", port);
                  EXPECT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)), 0);
                  EXPECT_EQ(listen(listener.get(), 8), 0);
                  return absl::OkStatus();
                }).ok());
    return listener;
  }

  // A UDP socket in the namespace of the calling thread; a server is bound to `port` of all addresses, a client sends
  // to `port` of `ip`, always from the same port of its own.
  static Fd UdpServer(int port) {
    Fd server(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const sockaddr_in any = Address("0.0.0.0", port);
    EXPECT_EQ(bind(server.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)), 0);
    return server;
  }
  static Fd UdpServerIn(const std::string& netns, int port) {
    Fd server;
    EXPECT_TRUE(RunInNetns(netns, [&] {
                  server = UdpServer(port);
                  return absl::OkStatus();
                }).ok());
    return server;
  }
  static Fd UdpClient(const std::string& ip, int port) {
    Fd client(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const sockaddr_in to = Address(ip, port);
    EXPECT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
    return client;
  }
  // Whether a datagram of `client` comes to `server`.
  static bool Reaches(const Fd& client, const Fd& server) {
    char byte = 'x';
    pollfd ready{server.get(), POLLIN, 0};
    return send(client.get(), &byte, 1, 0) == 1 && poll(&ready, 1, 2000) == 1 && recv(server.get(), &byte, 1, 0) == 1;
  }

  // From the test's namespace, the "host".
  static bool CanConnect(const std::string& ip, int port) {
    const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_in to = Address(ip, port);
    if (connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0) return true;
    pollfd ready{client.get(), POLLOUT, 0};
    if (poll(&ready, 1, 3000) != 1) return false;
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(client.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0;
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
  CniOptions options_;
  std::unique_ptr<Network> network_;

 private:
  static sockaddr_in Address(const std::string& ip, int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    EXPECT_EQ(inet_pton(AF_INET, ip.c_str(), &address.sin_addr), 1);
    return address;
  }

  // The appended rules; the chains themselves too, but for the ones that portmap makes once for all pods.
  static std::vector<std::string> RulesOf(const std::string& save) {
    Command command;
    command.path = save;
    const auto result = RunCommand(command, CallContext::WithTimeout(std::chrono::seconds(10)));
    EXPECT_TRUE(result.ok() && result->ok()) << save;
    std::vector<std::string> rules;
    if (!result.ok()) return rules;
    for (const absl::string_view line : absl::StrSplit(result->output, '\n', absl::SkipEmpty())) {
      // ":CHAIN POLICY [packets:bytes]"; "-A CHAIN rule".
      if (line[0] == ':') rules.emplace_back(line.substr(0, line.find(' ')));
      if (line[0] == '-') rules.emplace_back(line);
    }
    return rules;
  }

  std::vector<std::string> pins_;
};

}  // namespace crisp
