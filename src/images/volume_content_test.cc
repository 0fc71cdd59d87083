#include "images/volume_content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/call_context.h"
#include "base/testing/status_text.h"
#include "os/file.h"
#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class VolumeContentTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, to give files away";
    root_ = dir_ + "/root";
    fs::create_directories(root_);
    fs::create_directories(dir_ + "/outside");
    std::ofstream(dir_ + "/outside/secret") << "secret";
  }
  absl::Status Copy(const std::string& path, VolumeOwner owner = {}) {
    target_ = dir_ + "/copy-" + std::to_string(copies_++);
    return CopyVolumeContent(root_, path, target_, owner, call_);
  }
  void Write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  std::string Read(const std::string& path) { return ReadFileAt(AT_FDCWD, path, 1 << 20).value_or("(none)"); }
  static struct stat Stat(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
    return info;
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
  CallContext call_;
  std::string root_, target_;
  int copies_ = 0;
};

TEST_F(VolumeContentTest, HolesStayHoles) {
  Write("/data/sparse", "begin");
  const std::string sparse = root_ + "/data/sparse";
  ASSERT_EQ(truncate(sparse.c_str(), 1LL << 30), 0);
  std::ofstream(sparse, std::ios::in | std::ios::out).seekp(512 << 20) << "middle";
  ASSERT_EQ(Copy("/data"), absl::OkStatus());
  const struct stat copy = Stat(target_ + "/sparse");
  EXPECT_EQ(copy.st_size, 1LL << 30);
  EXPECT_LT(copy.st_blocks * 512, 1 << 20);
  std::string text(6, ' ');
  std::ifstream(target_ + "/sparse").seekg(512 << 20).read(text.data(), 6);
  EXPECT_EQ(text, "middle");
}

TEST_F(VolumeContentTest, ACallThatIsOverEndsTheCopy) {
  Write("/data/file", "text");
  call_ = CallContext(kNoDeadline, [] { return true; });
  EXPECT_EQ(Copy("/data").code(), absl::StatusCode::kCancelled);
}

TEST_F(VolumeContentTest, ItStopsBeforeTheFileSystemIsFull) {
  Write("/data/a-small", "text");
  Write("/data/large", std::string(2 << 20, 'x'));
  EnterMountNamespace();
  const std::string small = dir_ + "/small";
  fs::create_directories(small);
  ASSERT_EQ(mount("tmpfs", small.c_str(), "tmpfs", 0, "size=1m"), 0);
  const absl::Status refused = CopyVolumeContent(root_, "/data", small + "/volume", {}, call_);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(Text(refused), AllOf(HasSubstr("large"), HasSubstr("more than the file system has left")));
  struct statvfs space {};
  ASSERT_EQ(statvfs(small.c_str(), &space), 0);
  EXPECT_GT(space.f_bfree, 0U);
  ASSERT_EQ(umount(small.c_str()), 0);
}

TEST_F(VolumeContentTest, ATreeIsCopiedWithAllThatItsFilesHave) {
  Write("/data/file", "text");
  Write("/data/sub/deep", "deep");
  fs::create_symlink("/etc/shadow", root_ + "/data/link");
  ASSERT_EQ(mkfifo((root_ + "/data/fifo").c_str(), 0600), 0);
  ASSERT_EQ(chown((root_ + "/data/file").c_str(), 12, 34), 0);
  ASSERT_EQ(chmod((root_ + "/data/file").c_str(), 04755), 0);
  ASSERT_EQ(setxattr((root_ + "/data/file").c_str(), "user.note", "kept", 4, 0), 0);
  ASSERT_EQ(chmod((root_ + "/data").c_str(), 01770), 0);
  ASSERT_EQ(chown((root_ + "/data").c_str(), 7, 8), 0);
  const absl::Status copied = Copy("/data");
  ASSERT_TRUE(copied.ok()) << copied;
  EXPECT_EQ(Stat(target_).st_mode & 07777, 01770u);
  EXPECT_EQ(Stat(target_).st_uid, 7u);
  EXPECT_EQ(Read(target_ + "/file"), "text");
  EXPECT_EQ(Stat(target_ + "/file").st_mode & 07777, 04755u);
  EXPECT_EQ(Stat(target_ + "/file").st_gid, 34u);
  EXPECT_EQ(Stat(target_ + "/file").st_mtim.tv_nsec, Stat(root_ + "/data/file").st_mtim.tv_nsec);
  char note[8] = {};
  EXPECT_EQ(getxattr((target_ + "/file").c_str(), "user.note", note, sizeof(note)), 4);
  EXPECT_EQ(Read(target_ + "/sub/deep"), "deep");
  EXPECT_EQ(fs::read_symlink(target_ + "/link"), "/etc/shadow");
  EXPECT_TRUE(S_ISFIFO(Stat(target_ + "/fifo").st_mode));
}

TEST_F(VolumeContentTest, WhatTheImageDoesNotHaveIsEmptyAndTheOwners) {
  ASSERT_TRUE(Copy("/none", {1000, 1001}).ok());
  EXPECT_TRUE(fs::is_empty(target_));
  EXPECT_EQ(Stat(target_).st_uid, 1000u);
  EXPECT_EQ(Stat(target_).st_gid, 1001u);
  EXPECT_EQ(Stat(target_).st_mode & 07777, 0755u);
}

// CVE-2022-23648: the path of a volume led out of the image, and files of the host were copied.
TEST_F(VolumeContentTest, NoPathAndNoLinkLeadsOut) {
  fs::create_symlink(dir_ + "/outside", root_ + "/absolute");
  fs::create_symlink("../outside", root_ + "/relative");
  fs::create_symlink("/", root_ + "/all");
  for (const char* path : {"/absolute", "/relative", "/../outside", "/../../../../../../etc", "/all/../outside"}) {
    const absl::Status copied = Copy(path);
    EXPECT_TRUE(copied.ok()) << path << ": " << copied;
    EXPECT_TRUE(fs::is_empty(target_)) << path;
  }
  Write("/etc/passwd", "the image's");
  fs::create_symlink("/etc", root_ + "/inside");
  ASSERT_TRUE(Copy("/inside").ok());
  EXPECT_EQ(Read(target_ + "/passwd"), "the image's");
}

TEST_F(VolumeContentTest, WhatIsNoDirectoryIsRefused) {
  Write("/file", "x");
  fs::create_symlink("loop", root_ + "/loop");
  ASSERT_EQ(mkfifo((root_ + "/fifo").c_str(), 0600), 0);
  for (const char* path : {"/file", "/loop", "/file/below", "/fifo"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Copy(path))) << path;
  }
}

TEST_F(VolumeContentTest, ATreeThatIsTooDeepIsRefused) {
  std::string path = root_ + "/deep";
  for (int i = 0; i < 300; ++i) path += "/d";
  fs::create_directories(path);
  EXPECT_TRUE(absl::IsInvalidArgument(Copy("/deep")));
}

}  // namespace
}  // namespace crisp
