#include "os/mount.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include "os/file.h"

namespace crisp {
namespace {

// A mount namespace of its own for the whole program: nothing that a test forgets is left on the machine.
class MountTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, to mount";
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    std::string name = testing::TempDir() + "crisp-mount-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
    for (const char* sub : {"/lower", "/upper", "/work", "/target"}) ASSERT_TRUE(MakeDirs(dir_ + sub, 0755).ok());
  }
  void TearDown() override {
    if (dir_.empty()) return;
    EXPECT_TRUE(Unmount(dir_ + "/target").ok());
    EXPECT_TRUE(RemoveTree(dir_).ok());
  }

  std::string dir_;
};

TEST_F(MountTest, AnOverlayShowsTheLowerAndKeepsWritesInTheUpper) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/lower/file", "below", 0644).ok());
  ASSERT_TRUE(MountOverlay({{dir_ + "/lower"}, dir_ + "/upper", dir_ + "/work", dir_ + "/target"}).ok());
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, dir_ + "/target/file", 100), "below");
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/target/file", "above", 0644).ok());
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, dir_ + "/lower/file", 100), "below");
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, dir_ + "/upper/file", 100), "above");
}

TEST_F(MountTest, AMissingLowerIsAnErrorThatNamesTheTarget) {
  const absl::Status status = MountOverlay({{dir_ + "/none"}, dir_ + "/upper", dir_ + "/work", dir_ + "/target"});
  EXPECT_NE(status.message().find(dir_ + "/target"), absl::string_view::npos) << status;
}

TEST_F(MountTest, RemoveTreeStopsAtAMount) {
  ASSERT_TRUE(MountTmpfs(dir_ + "/target", "64k", "1777").ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/target/file", "x", 0644).ok());
  EXPECT_FALSE(RemoveTree(dir_).ok());
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, dir_ + "/target/file", 100), "x");
}

TEST_F(MountTest, ABindMountShowsItsSource) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/lower/file", "x", 0644).ok());
  ASSERT_TRUE(BindMount(dir_ + "/lower", dir_ + "/target").ok());
  EXPECT_TRUE(Exists(dir_ + "/target/file"));
  EXPECT_TRUE(Unmount(dir_ + "/target").ok());
  EXPECT_FALSE(Exists(dir_ + "/target/file"));
}

TEST_F(MountTest, UnmountOfNothingIsOk) {
  EXPECT_TRUE(Unmount(dir_ + "/target").ok());
  EXPECT_TRUE(Unmount(dir_ + "/none").ok());
}

}  // namespace
}  // namespace crisp
