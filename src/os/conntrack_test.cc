#include "os/conntrack.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "os/file.h"
#include "os/mount.h"
#include "os/netlink.h"
#include "os/process.h"
#include "os/testing/mount_namespace.h"

namespace crisp {
namespace {

using testing::HasSubstr;

constexpr char kIptables[] = "/usr/sbin/iptables";
constexpr uint16_t kHostPort = 5353;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  Address(const std::string& ip, uint16_t port) {
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    const bool is_v4 = ip.find(':') == std::string::npos;
    storage.ss_family = is_v4 ? AF_INET : AF_INET6;
    size = is_v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    (is_v4 ? v4->sin_port : v6->sin6_port) = htons(port);
    void* const bytes = is_v4 ? static_cast<void*>(&v4->sin_addr) : &v6->sin6_addr;
    EXPECT_EQ(inet_pton(storage.ss_family, ip.c_str(), bytes), 1) << ip;
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// A socket that is bound to `ip`, and tells whether a datagram has come.
class Server {
 public:
  Server(const std::string& ip, uint16_t port) {
    const Address address(ip, port);
    socket_ = Fd(socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(socket_.get(), address.get(), address.size), 0) << ip;
  }
  bool Receives() const {
    pollfd ready{socket_.get(), POLLIN, 0};
    std::array<char, 16> datagram{};
    return poll(&ready, 1, 1000) == 1 && recv(socket_.get(), datagram.data(), datagram.size(), 0) > 0;
  }

 private:
  Fd socket_;
};

// A client that keeps its port, and so its flow.
class Client {
 public:
  Client(const std::string& ip, uint16_t port) {
    const Address address(ip, port);
    socket_ = Fd(socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(socket_.get(), address.get(), address.size), 0) << ip;
  }
  void Send() const { EXPECT_EQ(send(socket_.get(), "x", 1, 0), 1); }

 private:
  Fd socket_;
};

// In a network namespace of its own, in which 127.0.0.2 and 127.0.0.3 stand for pods.
class ConntrackTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, to make namespaces";
    if (!Exists(kIptables)) GTEST_SKIP() << "needs " << kIptables;
    EnterMountNamespace(CLONE_NEWNET);
    ASSERT_TRUE(MountTmpfs("/run", "1m", "0755").ok()) << "xtables.lock";
    ASSERT_TRUE(Netlink::Open()->BringUp("lo").ok());
  }

  static void Run(const std::string& path, std::vector<std::string> arguments) {
    Command command;
    command.path = path;
    command.args = std::move(arguments);
    const auto result = RunCommand(command, CallContext::WithTimeout(std::chrono::seconds(10)));
    ASSERT_TRUE(result.ok() && result->ok()) << path << ": " << (result.ok() ? result->Describe() : "");
  }
  // Rules as portmap makes them.
  static void Translate(uint16_t port, const std::string& to, const std::string& iptables = kIptables) {
    Run(iptables, {"-t", "nat", "-F", "OUTPUT"});
    Run(iptables, {"-t", "nat", "-A", "OUTPUT", "-p", "udp", "--dport", std::to_string(port), "-j", "DNAT",
                   "--to-destination", to});
  }
  static size_t Delete(const std::set<uint16_t>& ports, const std::vector<std::string>& targets) {
    const auto deleted = DeleteUdpFlows(ports, targets);
    EXPECT_TRUE(deleted.ok()) << deleted.status();
    return deleted.value_or(0);
  }
};

TEST_F(ConntrackTest, AFlowGoesOnToWhereItWasTranslatedUntilItsEntryIsDeleted) {
  const Server old_pod("127.0.0.2", 53);
  const Server new_pod("127.0.0.3", 53);
  const Client client("127.0.0.1", kHostPort);
  Translate(kHostPort, "127.0.0.2:53");
  client.Send();
  EXPECT_TRUE(old_pod.Receives());
  Translate(kHostPort, "127.0.0.3:53");
  client.Send();
  EXPECT_TRUE(old_pod.Receives()) << "what this is for";
  EXPECT_EQ(Delete({kHostPort}, {"127.0.0.2"}), 1u);
  client.Send();
  EXPECT_TRUE(new_pod.Receives());
  EXPECT_EQ(Delete({kHostPort}, {"127.0.0.2"}), 0u);
}

TEST_F(ConntrackTest, FlowsToOtherPortsAndTargetsStay) {
  const Server pod("127.0.0.2", 53);
  const Client client("127.0.0.1", kHostPort);
  Translate(kHostPort, "127.0.0.2:53");
  client.Send();
  EXPECT_TRUE(pod.Receives());
  EXPECT_EQ(Delete({53, kHostPort + 1}, {"127.0.0.2"}), 0u) << "53 is not the port that the client sends to";
  EXPECT_EQ(Delete({kHostPort}, {"127.0.0.3", "fd00::2"}), 0u);
  EXPECT_EQ(Delete({}, {"127.0.0.2"}), 0u);
  EXPECT_EQ(Delete({1, kHostPort}, {"127.0.0.3", "127.0.0.2"}), 1u);
}

TEST_F(ConntrackTest, WithoutTargetsWhatIsTranslatedGoesAndWhatIsNotStays) {
  const Server pod("127.0.0.2", 53);
  const Server node("127.0.0.1", kHostPort + 1);
  const Client to_pod("127.0.0.1", kHostPort);
  const Client to_node("127.0.0.1", kHostPort + 1);
  Translate(kHostPort, "127.0.0.2:53");
  to_pod.Send();
  to_node.Send();
  EXPECT_TRUE(pod.Receives());
  EXPECT_TRUE(node.Receives());
  EXPECT_EQ(Delete({kHostPort, kHostPort + 1}, {}), 1u);
  EXPECT_EQ(Delete({kHostPort + 1}, {"127.0.0.1"}), 1u) << "it had stayed";
}

TEST_F(ConntrackTest, TcpStays) {
  const Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Address server("127.0.0.2", kHostPort);
  ASSERT_EQ(bind(listener.get(), server.get(), server.size), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  Translate(kHostPort, "127.0.0.3:53");  // conntrack begins with the first rule that needs it
  const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect(client.get(), server.get(), server.size), 0);
  EXPECT_EQ(Delete({kHostPort}, {"127.0.0.2"}), 0u);
}

TEST_F(ConntrackTest, Ipv6) {
  for (const char* address : {"fd00::2", "fd00::3"}) {
    Run("/bin/ip", {"address", "add", std::string(address) + "/128", "dev", "lo", "nodad"});
  }
  const Server old_pod("fd00::2", 53);
  const Server new_pod("fd00::3", 53);
  const Client client("::1", kHostPort);
  Translate(kHostPort, "[fd00::2]:53", "/usr/sbin/ip6tables");
  client.Send();
  EXPECT_TRUE(old_pod.Receives());
  Translate(kHostPort, "[fd00::3]:53", "/usr/sbin/ip6tables");
  EXPECT_EQ(Delete({kHostPort}, {"127.0.0.2", "fd00::2"}), 1u);
  client.Send();
  EXPECT_TRUE(new_pod.Receives());
  EXPECT_EQ(Delete({kHostPort}, {}), 1u) << "without targets both families are looked at";
}

TEST_F(ConntrackTest, MoreThanOneMessageCanHold) {
  constexpr size_t kFlows = 1000;
  const Server pod("127.0.0.2", 53);
  Translate(kHostPort, "127.0.0.2:53");
  for (size_t i = 0; i < kFlows; ++i) Client("127.0.0.1", kHostPort).Send();
  const size_t deleted = Delete({kHostPort}, {"127.0.0.2"});
  // A port that the kernel hands out again continues its flow.
  EXPECT_GT(deleted, kFlows * 9 / 10);
  EXPECT_LE(deleted, kFlows);
  EXPECT_EQ(Delete({kHostPort}, {"127.0.0.2"}), 0u);
}

TEST_F(ConntrackTest, WithoutConntrackThereIsNothingToDelete) {
  Translate(kHostPort, "127.0.0.2:53");
  Client("127.0.0.1", kHostPort).Send();
  ASSERT_EQ(mount("tmpfs", "/proc/sys/net", "tmpfs", 0, nullptr), 0);
  EXPECT_EQ(Delete({kHostPort}, {"127.0.0.2"}), 0u);
  ASSERT_EQ(umount("/proc/sys/net"), 0);
  EXPECT_EQ(Delete({kHostPort}, {"127.0.0.2"}), 1u);
}

TEST_F(ConntrackTest, ATargetThatIsNoAddressIsAnError) {
  Translate(kHostPort, "127.0.0.2:53");
  const absl::Status status = DeleteUdpFlows({kHostPort}, {"pod"}).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"pod\" is not an IP address"));
}

}  // namespace
}  // namespace crisp
