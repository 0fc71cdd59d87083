#include "os/mount.h"

#include <gtest/gtest.h>
#include <limits.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

class MountTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, to mount";
    EnterMountNamespace();
    for (const char* sub : {"/lower", "/upper", "/work", "/target"}) ASSERT_TRUE(MakeDirs(dir_ + sub, 0755).ok());
  }
  void TearDown() override {
    if (IsSkipped()) return;
    EXPECT_TRUE(Unmount(dir_ + "/target").ok());
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
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

class ManyLayersTest : public MountTest, public testing::WithParamInterface<absl::Status (*)(const OverlayMount&)> {
 protected:
  OverlayMount Layers(int count) {
    OverlayMount mount{{}, dir_ + "/upper", dir_ + "/work", dir_ + "/target"};
    for (int i = 0; i < count; ++i) {
      const std::string layer = absl::StrCat(dir_, "/", i);
      EXPECT_TRUE(MakeDirs(layer, 0755).ok());
      std::ofstream(absl::StrCat(layer, "/of-", i)) << i;  // without a sync for each, as WriteFileAt has
      std::ofstream(absl::StrCat(layer, "/all")) << i;
      mount.lower.push_back(layer);
    }
    return mount;
  }
};

TEST_P(ManyLayersTest, ThereCanBe500AndTheFirstIsOnTop) {
  for (const int count : {127, 128, 200, 500}) {
    SCOPED_TRACE(count);
    ASSERT_EQ(GetParam()(Layers(count)), absl::OkStatus());
    EXPECT_EQ(*ReadFileAt(AT_FDCWD, dir_ + "/target/all", 100), "0");
    for (int i = 0; i < count; ++i) EXPECT_TRUE(Exists(absl::StrCat(dir_, "/target/of-", i))) << i;
    EXPECT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/target/new", "x", 0644).ok());
    EXPECT_TRUE(Exists(dir_ + "/upper/new"));
    ASSERT_EQ(Unmount(dir_ + "/target"), absl::OkStatus());
    ASSERT_EQ(RemoveTree(dir_ + "/work"), absl::OkStatus());
    ASSERT_TRUE(MakeDirs(dir_ + "/work", 0755).ok());
  }
}

TEST_P(ManyLayersTest, TheWorkingDirectoryOfTheProcessStays) {
  char before[PATH_MAX], after[PATH_MAX];
  ASSERT_NE(getcwd(before, sizeof(before)), nullptr);
  ASSERT_EQ(GetParam()(Layers(500)), absl::OkStatus());
  ASSERT_NE(getcwd(after, sizeof(after)), nullptr);
  EXPECT_STREQ(before, after);
}

TEST_P(ManyLayersTest, AReadOnlyOverlayNeedsNoUpper) {
  OverlayMount mount = Layers(2);
  mount.upper = mount.work = "";
  ASSERT_EQ(GetParam()(mount), absl::OkStatus());
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, dir_ + "/target/of-1", 100), "1");
  EXPECT_EQ(ErrnoOf(WriteFileAt(AT_FDCWD, dir_ + "/target/new", "x", 0644)), EROFS);
}

TEST_P(ManyLayersTest, PathsThatOptionsCannotHoldAreRefused) {
  for (const char* name : {"/a:b", "/a,b", "/a\\b"}) {
    ASSERT_TRUE(MakeDirs(dir_ + name, 0755).ok());
    const absl::Status status = GetParam()({{dir_ + name}, dir_ + "/upper", dir_ + "/work", dir_ + "/target"});
    EXPECT_NE(status.message().find(name), absl::string_view::npos) << status;
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, ManyLayersTest, testing::Values(&MountOverlay, &MountOverlayByOptions),
                         [](const auto& way) { return way.index == 0 ? "Parameters" : "Options"; });

TEST_F(MountTest, MoreThanAPageOfOptionsSaysHowManyLayersItWas) {
  OverlayMount mount{{}, dir_ + "/upper", dir_ + "/work", dir_ + "/target"};
  for (int i = 0; i < 200; ++i) mount.lower.push_back(absl::StrCat(dir_, "/a-name-that-is-not-short-", i));
  const absl::Status status = MountOverlayByOptions(mount);
  EXPECT_NE(status.message().find("the 200 layers"), absl::string_view::npos) << status;
}

TEST_F(MountTest, ManyLayersWithVeryLongPathsAreMounted) {
  const std::string deep = dir_ + "/" + std::string(200, 'a') + "/" + std::string(200, 'b');
  OverlayMount mount{{}, dir_ + "/upper", dir_ + "/work", dir_ + "/target"};
  for (int i = 0; i < 300; ++i) {
    mount.lower.push_back(absl::StrCat(deep, "/", i));
    ASSERT_TRUE(MakeDirs(absl::StrCat(mount.lower.back(), "/of-", i), 0755).ok());
  }
  ASSERT_EQ(MountOverlay(mount), absl::OkStatus());
  EXPECT_TRUE(Exists(dir_ + "/target/of-0"));
  EXPECT_TRUE(Exists(dir_ + "/target/of-299"));
}

TEST_F(MountTest, AnUpperWithAVeryLongPathIsMountedAllTheSame) {
  const std::string deep = dir_ + "/" + std::string(150, 'a') + "/" + std::string(150, 'b');
  ASSERT_TRUE(MakeDirs(deep + "/upper", 0755).ok());
  ASSERT_TRUE(MakeDirs(deep + "/work", 0755).ok());
  EXPECT_EQ(MountOverlay({{dir_ + "/lower"}, deep + "/upper", deep + "/work", dir_ + "/target"}), absl::OkStatus());
  EXPECT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/target/new", "x", 0644).ok());
  EXPECT_TRUE(Exists(deep + "/upper/new"));
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
