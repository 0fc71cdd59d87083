#include "os/netlink.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "os/netns.h"
#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

class NetlinkTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, to make namespaces";
    EnterMountNamespace();
    path_ = dir_ + "/pod";
    ASSERT_TRUE(CreateNetns(path_).ok());
  }
  void TearDown() override {
    if (IsSkipped()) return;
    EXPECT_TRUE(RemoveNetns(path_).ok());
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
  std::string path_;
};

TEST_F(NetlinkTest, LoopbackComesUpWithItsAddresses) {
  Netlink netlink = *Netlink::OpenIn(path_);
  EXPECT_EQ(*netlink.Addresses("lo"), std::vector<std::string>{});
  ASSERT_TRUE(netlink.BringUp("lo").ok());
  EXPECT_TRUE(netlink.BringUp("lo").ok()) << "it is up already";
  // 127.0.0.1 has host scope, as narrow as it gets: it is not an address of the pod.
  EXPECT_EQ(*netlink.Addresses("lo"), std::vector<std::string>{});
}

TEST_F(NetlinkTest, CountersCountWhatWasSent) {
  Netlink netlink = *Netlink::OpenIn(path_);
  ASSERT_TRUE(netlink.BringUp("lo").ok());
  ASSERT_TRUE(RunInNetns(path_, [] {
                const Fd udp(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
                sockaddr_in to{};
                to.sin_family = AF_INET;
                to.sin_port = htons(9);
                to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
                const char data[1000] = {};
                EXPECT_EQ(sendto(udp.get(), data, sizeof(data), 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 1000);
                return absl::OkStatus();
              }).ok());
  const std::vector<LinkCounters> counters = *netlink.Counters();
  ASSERT_FALSE(counters.empty());
  EXPECT_EQ(counters[0].name, "lo");
  EXPECT_GE(counters[0].tx_bytes, 1000u);
  EXPECT_EQ(counters[0].tx_bytes, counters[0].rx_bytes);
}

TEST_F(NetlinkTest, ASocketOutlivesThePinOfItsNamespace) {
  Netlink netlink = *Netlink::OpenIn(path_);
  ASSERT_TRUE(RemoveNetns(path_).ok());
  EXPECT_TRUE(netlink.BringUp("lo").ok());
}

TEST_F(NetlinkTest, AnUnknownInterfaceIsAnErrorThatNamesIt) {
  Netlink netlink = *Netlink::OpenIn(path_);
  const absl::Status status = netlink.BringUp("eth7");
  EXPECT_NE(status.message().find("eth7"), absl::string_view::npos) << status;
  EXPECT_FALSE(netlink.Addresses("eth7").ok());
}

TEST_F(NetlinkTest, AMissingNamespaceIsAnError) {
  EXPECT_FALSE(Netlink::OpenIn(dir_ + "/none").ok());
}

}  // namespace
}  // namespace crisp
