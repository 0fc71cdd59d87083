#include "os/user_namespace.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "absl/strings/str_cat.h"
#include "base/testing/wait.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/mount_info.h"
#include "os/netns.h"
#include "os/netns_pin.h"
#include "os/process.h"
#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

class UserNamespaceTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, to mount and to map ids";
    EnterMountNamespace();
    for (const char* sub : {"/source", "/target"}) ASSERT_TRUE(MakeDirs(dir_ + sub, 0755).ok());
  }
  void TearDown() override {
    if (IsSkipped()) return;
    EXPECT_TRUE(Unmount(dir_ + "/target").ok());
  }

  static struct stat Stat(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
    return info;
  }

  const IdMap map_{{{0, 200000, 1000}}, {{0, 300000, 1000}}};
  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
};

TEST(MapIdTest, FindsTheRange) {
  const std::vector<IdRange> ranges = {{0, 1000, 10}, {10, 5000, 5}};
  EXPECT_EQ(MapId(ranges, 0), 1000u);
  EXPECT_EQ(MapId(ranges, 9), 1009u);
  EXPECT_EQ(MapId(ranges, 14), 5004u);
  EXPECT_EQ(MapId(ranges, 15), std::nullopt);
  EXPECT_EQ(MapId({}, 0), std::nullopt);
}

TEST_F(UserNamespaceTest, OwnersAreShiftedBothWays) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/source/file", "x", 0644).ok());
  const auto user_namespace = MakeUserNamespace(map_);
  ASSERT_TRUE(user_namespace.ok()) << user_namespace.status();
  const absl::Status bound = BindIdmapped(dir_ + "/source", dir_ + "/target", user_namespace->get());
  ASSERT_TRUE(bound.ok()) << bound;
  EXPECT_EQ(Stat(dir_ + "/target/file").st_uid, 200000u);
  EXPECT_EQ(Stat(dir_ + "/target/file").st_gid, 300000u);
  EXPECT_EQ(Stat(dir_ + "/source/file").st_uid, 0u);
}

TEST_F(UserNamespaceTest, NoChildIsLeft) {
  ASSERT_TRUE(MakeUserNamespace(map_).ok());
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(UserNamespaceTest, AMapThatTheKernelRefusesIsNamed) {
  const absl::Status overlapping = MakeUserNamespace({{{0, 1, 5}, {3, 100, 5}}, {{0, 1, 5}}}).status();
  EXPECT_NE(overlapping.message().find("uid_map"), absl::string_view::npos) << overlapping;
  EXPECT_EQ(ErrnoOf(overlapping), EINVAL);
}

TEST_F(UserNamespaceTest, AFileSystemThatCannotIsNamed) {
  EXPECT_TRUE(CheckIdmapping(dir_).ok()) << CheckIdmapping(dir_);
  const absl::Status refused = CheckIdmapping("/proc");
  EXPECT_FALSE(refused.ok());
  EXPECT_NE(refused.message().find("/proc"), absl::string_view::npos) << refused;
}

TEST_F(UserNamespaceTest, WhatIsSaidOfAMountIsThatOfTheOneThatAPathIsOn) {
  ASSERT_EQ(mount("tmpfs", (dir_ + "/target").c_str(), "tmpfs", 0, "size=4096k"), 0);
  ASSERT_TRUE(MakeDirs(dir_ + "/target/sub", 0755).ok());
  auto info = MountOf(dir_ + "/target/sub");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->mount_point, dir_ + "/target");
  EXPECT_NE(info->options.find("size=4096k"), std::string::npos) << info->options;
  EXPECT_FALSE(info->shared);
  EXPECT_FALSE(info->slave);
  ASSERT_EQ(mount(nullptr, (dir_ + "/target").c_str(), nullptr, MS_SHARED, nullptr), 0);
  EXPECT_TRUE(MountOf(dir_ + "/target/sub")->shared);
  ASSERT_EQ(mount((dir_ + "/target").c_str(), (dir_ + "/source").c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(mount(nullptr, (dir_ + "/source").c_str(), nullptr, MS_SLAVE, nullptr), 0);
  info = MountOf(dir_ + "/source");
  EXPECT_TRUE(info->slave);
  EXPECT_FALSE(info->shared);
  EXPECT_TRUE(Unmount(dir_ + "/source").ok());
  EXPECT_FALSE(MountOf(dir_ + "/none").ok());
}

TEST_F(UserNamespaceTest, ANetworkNamespaceOfAProcessIsPinned) {
  const int none[3] = {-1, -1, -1};
  const auto child = SpawnDetached("/usr/bin/unshare", {"--net", "sleep", "60"}, {"PATH=/usr/bin:/bin"}, none);
  ASSERT_TRUE(child.ok()) << child.status();
  const std::string of_child = absl::StrCat("/proc/", child->pid, "/ns/net");
  const auto inode = [](const std::string& path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
  };
  ASSERT_TRUE(Eventually([&] { return inode(of_child) != inode("/proc/self/ns/net"); }));
  const absl::Status pinned = PinNetnsOf(child->pid, dir_ + "/ns/pin");
  EXPECT_TRUE(pinned.ok()) << pinned;
  EXPECT_TRUE(IsNetns(dir_ + "/ns/pin"));
  EXPECT_EQ(inode(dir_ + "/ns/pin"), inode(of_child));
  EXPECT_FALSE(PinNetnsOf(child->pid, dir_ + "/ns/pin").ok());
  kill(child->pid, SIGKILL);
  waitpid(child->pid, nullptr, 0);
  EXPECT_TRUE(RemoveNetns(dir_ + "/ns/pin").ok());
}

TEST_F(UserNamespaceTest, OurOwnNetworkNamespaceIsNotPinned) {
  EXPECT_FALSE(PinNetnsOf(getpid(), dir_ + "/pin").ok());
  EXPECT_FALSE(Exists(dir_ + "/pin"));
  EXPECT_FALSE(PinNetnsOf(0x3fffffff, dir_ + "/pin").ok());
  EXPECT_FALSE(Exists(dir_ + "/pin"));
}

}  // namespace
}  // namespace crisp
