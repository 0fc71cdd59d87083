#include "os/link_stats.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "os/netlink.h"
#include "os/netns.h"
#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

class LinkStatsTest : public testing::Test {
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

  // Sends a datagram of 1000 bytes over the loopback; nobody receives it.
  absl::Status Send() {
    return RunInNetns(path_, [] {
      const Fd udp(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(9);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      const char data[1000] = {};
      EXPECT_EQ(sendto(udp.get(), data, sizeof(data), 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 1000);
      return absl::OkStatus();
    });
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
  std::string path_;
};

TEST_F(LinkStatsTest, ReadsTheNamespaceInWhichItWasOpenedAgainAndAgain) {
  ASSERT_TRUE(Netlink::OpenIn(path_)->BringUp("lo").ok());
  LinkStats stats = *LinkStats::OpenIn(path_);
  const std::vector<LinkReading> before = *stats.Read();
  ASSERT_FALSE(before.empty());
  EXPECT_EQ(before[0].name, "lo");
  EXPECT_TRUE(before[0].loopback);
  EXPECT_EQ(before[0].tx_bytes, 0u);
  ASSERT_TRUE(Send().ok());
  const std::vector<LinkReading> after = *stats.Read();
  EXPECT_GE(after[0].tx_bytes, 1000u);
  EXPECT_GE(after[0].tx_packets, 1u);
  EXPECT_EQ(after[0].rx_bytes, after[0].tx_bytes);
}

TEST_F(LinkStatsTest, AMissingNamespaceIsAnError) {
  EXPECT_FALSE(LinkStats::OpenIn(dir_ + "/none").ok());
}

}  // namespace
}  // namespace crisp
