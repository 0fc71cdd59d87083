#include "os/loopback.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "base/clock.h"
#include "base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "os/errno_status.h"
#include "os/netlink.h"
#include "os/netns.h"
#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

using testing::HasSubstr;

class LoopbackTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    EnterMountNamespace();
    ASSERT_TRUE(CreateNetns(netns()).ok());
    ASSERT_TRUE(Netlink::OpenIn(netns())->BringUp("lo").ok());
  }
  void TearDown() override {
    if (IsSkipped()) return;
    EXPECT_TRUE(RemoveNetns(netns()).ok());
  }

  std::string netns() const { return dir_ + "/netns"; }

  // Listens on a free port of `address` in the namespace.
  Fd Listen(const in6_addr& address, bool only_v6, uint16_t* port) {
    Fd listener;
    const absl::Status made = RunInNetns(netns(), [&] {
      listener = Fd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const int v6only = only_v6 ? 1 : 0;
      setsockopt(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
      sockaddr_in6 name{};
      name.sin6_family = AF_INET6;
      name.sin6_addr = address;
      if (bind(listener.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)) != 0)
        return ErrnoStatus(errno, "bind");
      if (listen(listener.get(), 4) != 0) return ErrnoStatus(errno, "listen");
      socklen_t size = sizeof(name);
      getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &size);
      *port = ntohs(name.sin6_port);
      return absl::OkStatus();
    });
    EXPECT_TRUE(made.ok()) << made;
    return listener;
  }

  // Steps until the dial is over; DeadlineExceeded if nothing happens for `patience_ms`.
  static absl::StatusOr<Fd> Connect(const std::string& netns, uint16_t port, int patience_ms = 20000) {
    ASSIGN_OR_RETURN(LoopbackDial dial, LoopbackDial::Begin(netns, port));
    for (;;) {
      ASSIGN_OR_RETURN(const bool connected, dial.Step());
      if (connected) return dial.Take();
      pollfd decided{dial.socket(), POLLOUT, 0};
      if (poll(&decided, 1, patience_ms) == 0) return absl::DeadlineExceededError("nobody accepts");
    }
  }

  void ExpectConnects(const Fd& listener, uint16_t port) {
    const auto connection = Connect(netns(), port);
    ASSERT_TRUE(connection.ok()) << connection.status();
    EXPECT_NE(fcntl(connection->get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(fcntl(connection->get(), F_GETFD) & FD_CLOEXEC, 0);
    const Fd peer(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_EQ(write(connection->get(), "x", 1), 1);
    char byte = 0;
    EXPECT_EQ(read(peer.get(), &byte, 1), 1);
    EXPECT_EQ(byte, 'x');
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
};

TEST_F(LoopbackTest, ReachesWhoListensInTheNamespaceAndNobodyOutside) {
  uint16_t port = 0;
  const Fd listener = Listen(in6addr_any, false, &port);
  ExpectConnects(listener, port);
  EXPECT_THAT(std::string(Connect("", port).status().message()), HasSubstr("Connection refused"));
}

TEST_F(LoopbackTest, FallsBackToTheSixthVersion) {
  uint16_t port = 0;
  const Fd listener = Listen(in6addr_loopback, true, &port);
  ExpectConnects(listener, port);
}

TEST_F(LoopbackTest, WhereNobodyListensBothReasonsAreGiven) {
  const absl::Status status = Connect(netns(), 9).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("127.0.0.1:9: Connection refused"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("[::1]:9: Connection refused"));
}

TEST_F(LoopbackTest, ANamespaceThatIsGoneIsNamed) {
  const absl::Status status = Connect(dir_ + "/none", 9).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr(dir_ + "/none"));
}

TEST_F(LoopbackTest, DoesNotWaitForWhoDoesNotAccept) {
  uint16_t port = 0;
  const Fd listener = Listen(in6addr_any, false, &port);
  // With a full backlog a SYN is not answered.
  std::vector<Fd> connections;
  absl::Status status;
  const MonoTime begin = MonoClock::now();
  while (status.ok() && connections.size() < 100) {
    auto connection = Connect(netns(), port, 200);
    status = connection.status();
    if (connection.ok()) connections.push_back(*std::move(connection));
  }
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_LT(MonoClock::now() - begin, std::chrono::seconds(5));
}

}  // namespace
}  // namespace crisp
