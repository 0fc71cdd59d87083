#include "os/remove_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/disk_usage.h"
#include "os/file.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

class RemoveTreeTest : public testing::Test {
 protected:
  void SetUp() override { root_ = *OpenAt(AT_FDCWD, dir_, O_RDONLY | O_DIRECTORY); }
  // Makes nested directories, deeper than a path can be long, with a file at each level.
  void MakeDeep(const std::string& name, int depth) {
    Fd at = *OpenAt(root_.get(), ".", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < depth; ++i) {
      ASSERT_EQ(mkdirat(at.get(), name.c_str(), 0700), 0);
      ASSERT_TRUE(WriteFileAt(at.get(), "file", "x", 0600).ok());
      at = *OpenAt(at.get(), name, O_RDONLY | O_DIRECTORY);
    }
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
  Fd root_;
};

TEST_F(RemoveTreeTest, WhatIsNotThereIsRemoved) {
  EXPECT_TRUE(RemoveTreeAt(root_.get(), "none").ok());
  EXPECT_TRUE(RemoveTree(dir_ + "/none/of/this").ok());
}

TEST_F(RemoveTreeTest, LinksAreRemovedAndNotFollowed) {
  ASSERT_TRUE(MakeDirs(dir_ + "/kept/sub", 0700).ok());
  ASSERT_TRUE(MakeDirs(dir_ + "/tree", 0700).ok());
  ASSERT_EQ(symlink("../kept", (dir_ + "/tree/link").c_str()), 0);
  ASSERT_EQ(symlink("kept", (dir_ + "/top").c_str()), 0);
  EXPECT_TRUE(RemoveTreeAt(root_.get(), "tree").ok());
  EXPECT_TRUE(RemoveTreeAt(root_.get(), "top").ok());
  EXPECT_TRUE(Exists(dir_ + "/kept/sub"));
  EXPECT_FALSE(Exists(dir_ + "/tree"));
  EXPECT_FALSE(Exists(dir_ + "/top"));
}

TEST_F(RemoveTreeTest, FlagsThatForbidItAreCleared) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  for (const int flag : {FS_IMMUTABLE_FL, FS_APPEND_FL}) {
    ASSERT_TRUE(MakeDirs(dir_ + "/tree/sub/empty", 0700).ok());
    ASSERT_TRUE(WriteFileAt(root_.get(), "tree/sub/file", "x", 0600).ok());
    for (const char* name : {"tree/sub/file", "tree/sub/empty", "tree/sub", "tree"}) {
      const Fd fd = *OpenAt(root_.get(), name, O_RDONLY);
      int flags = 0;
      ASSERT_EQ(ioctl(fd.get(), FS_IOC_GETFLAGS, &flags), 0);
      flags |= flag;
      ASSERT_EQ(ioctl(fd.get(), FS_IOC_SETFLAGS, &flags), 0);
    }
    EXPECT_EQ(RemoveTreeAt(root_.get(), "tree"), absl::OkStatus());
    EXPECT_FALSE(Exists(dir_ + "/tree"));
  }
}

TEST_F(RemoveTreeTest, AThousandLevelsNeedFewDescriptors) {
  MakeDeep("directory-with-a-name", 1000);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{100, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  EXPECT_EQ(RemoveTreeAt(root_.get(), "directory-with-a-name"), absl::OkStatus());
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(*ListDir(dir_), std::vector<std::string>{"file"});
}

TEST_F(RemoveTreeTest, UsageIsThatOfTheFilesThatAreThere) {
  ASSERT_TRUE(MakeDirs(dir_ + "/tree/sub", 0700).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/tree/sub/file", std::string(100000, 'x'), 0600).ok());
  ASSERT_EQ(link((dir_ + "/tree/sub/file").c_str(), (dir_ + "/tree/second").c_str()), 0);
  DiskUsage usage;
  ASSERT_TRUE(AddDiskUsage(*OpenAt(root_.get(), "tree", O_RDONLY | O_DIRECTORY), &usage).ok());
  EXPECT_EQ(usage.inodes, 4u);
  EXPECT_GE(usage.bytes, 100000u);
  EXPECT_LE(usage.bytes, 150000u);
}

}  // namespace
}  // namespace crisp
