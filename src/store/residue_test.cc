#include "store/residue.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/testing/captured_log.h"
#include "os/file.h"
#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// A directory of a container on a file system of its own.
class ResidueTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    EnterMountNamespace();
    ASSERT_EQ(mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, "size=1m"), 0);
    for (const std::string& path : {layout_.Upper("c"), layout_.Pod("p")}) {
      ASSERT_EQ(MakeDirs(path, 0700), absl::OkStatus());
    }
    ASSERT_EQ(WriteFileAt(AT_FDCWD, layout_.Upper("c") + "/file", "text", 0600), absl::OkStatus());
  }
  void TearDown() override { umount2(dir_.path().c_str(), MNT_DETACH); }

  void Remount(unsigned long flags) {
    ASSERT_EQ(mount(nullptr, dir_.path().c_str(), nullptr, MS_REMOUNT | flags, "size=1m"), 0);
  }

  const TestDir dir_;
  const Layout layout_{dir_.Path("root"), dir_.Path("state"), true};
};

TEST_F(ResidueTest, WhatCanBeRemovedIsRemoved) {
  EXPECT_EQ(RemoveOrSetAside(layout_, layout_.Container("c")), absl::OkStatus());
  EXPECT_FALSE(Exists(layout_.Container("c")));
  EXPECT_FALSE(Exists(layout_.RootResidue()));
  EXPECT_EQ(RemoveOrSetAside(layout_, layout_.Container("c")), absl::OkStatus()) << "it is not there";
}

TEST_F(ResidueTest, BelowAMountNothingIsTouched) {
  ASSERT_EQ(mount("tmpfs", layout_.Upper("c").c_str(), "tmpfs", 0, nullptr), 0);
  EXPECT_NE(RemoveOrSetAside(layout_, layout_.Container("c")), absl::OkStatus());
  EXPECT_TRUE(Exists(layout_.Container("c")));
  ASSERT_EQ(umount(layout_.Upper("c").c_str()), 0);
  EXPECT_EQ(RemoveOrSetAside(layout_, layout_.Container("c")), absl::OkStatus());
}

TEST_F(ResidueTest, OnAReadOnlyFileSystemItStaysAndTheLogNamesIt) {
  Remount(MS_RDONLY);
  std::string text;
  {
    const CapturedLog log({.level = LogLevel::kError});
    EXPECT_EQ(RemoveOrSetAside(layout_, layout_.Container("c")), absl::OkStatus());
    text = log.Text();
  }
  EXPECT_THAT(text, HasSubstr(layout_.Container("c")));
  EXPECT_THAT(text, HasSubstr("Read-only file system"));
  EXPECT_TRUE(Exists(layout_.Upper("c")));
  Remount(0);
  EXPECT_EQ(RemoveOrSetAside(layout_, layout_.Container("c")), absl::OkStatus());
  EXPECT_FALSE(Exists(layout_.Container("c")));
}

TEST_F(ResidueTest, ASweepRemovesWhatWasSetAsideInBothPlaces) {
  for (const std::string& path : {layout_.RootResidue() + "/c-1", layout_.StateResidue() + "/p-2"}) {
    ASSERT_EQ(MakeDirs(path, 0700), absl::OkStatus());
  }
  SweepResidue(layout_);
  EXPECT_THAT(*ListDir(layout_.RootResidue()), IsEmpty());
  EXPECT_THAT(*ListDir(layout_.StateResidue()), IsEmpty());
}

}  // namespace
}  // namespace crisp
