#include "os/netlink.h"

#include <gtest/gtest.h>

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
  // 127.0.0.1 has host scope, so it is not an address of the pod.
  EXPECT_EQ(*netlink.Addresses("lo"), std::vector<std::string>{});
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
