#include "os/relabel.h"

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <thread>

#include "os/errno_status.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

using testing::HasSubstr;

constexpr char kLabel[] = "system_u:object_r:container_file_t:s0:c1,c2";

class RelabelTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, to set labels";
    EnterMountNamespace();
    ASSERT_TRUE(MountTmpfs(tree_, "16m", "0755").ok());
    ASSERT_TRUE(MakeDirs(outside_, 0755).ok());
  }
  void TearDown() override { umount2(tree_.c_str(), MNT_DETACH); }

  static std::string LabelOf(const std::string& path) {
    std::array<char, 256> value{};
    const ssize_t size = lgetxattr(path.c_str(), "security.selinux", value.data(), value.size());
    return size < 0 ? "" : std::string(value.data(), static_cast<size_t>(size));
  }
  std::string Make(const std::string& name) {
    EXPECT_TRUE(WriteFileAt(AT_FDCWD, tree_ + "/" + name, "", 0644).ok());
    return tree_ + "/" + name;
  }
  std::string MakeDir(const std::string& name) {
    EXPECT_TRUE(MakeDirs(tree_ + "/" + name, 0755).ok());
    return tree_ + "/" + name;
  }
  absl::Status Relabel() { return RelabelTree(tree_, kLabel, CallContext()); }

  const TestDir temporary_;
  const std::string tree_ = [this] {
    EXPECT_TRUE(MakeDirs(temporary_.Path("tree"), 0755).ok());
    return temporary_.Path("tree");
  }();
  const std::string outside_ = temporary_.Path("outside");
};

TEST_F(RelabelTest, EverythingGetsTheLabel) {
  std::vector<std::string> paths = {tree_,           MakeDir("a"),      MakeDir("a/b"), Make("a/b/file"),
                                    tree_ + "/fifo", tree_ + "/device", tree_ + "/link"};
  ASSERT_EQ(mkfifo((tree_ + "/fifo").c_str(), 0600), 0);
  ASSERT_EQ(mknod((tree_ + "/device").c_str(), S_IFCHR | 0600, 0), 0) << "one that no driver has";
  ASSERT_EQ(symlink("nowhere", (tree_ + "/link").c_str()), 0);
  ASSERT_EQ(chmod((tree_ + "/a/b").c_str(), 0), 0);
  ASSERT_EQ(Relabel(), absl::OkStatus());
  for (const std::string& path : paths) EXPECT_EQ(LabelOf(path), kLabel) << path;
}

TEST_F(RelabelTest, AFileMayBeTheWhole) {
  const std::string file = Make("file");
  ASSERT_EQ(RelabelTree(file, kLabel, CallContext()), absl::OkStatus());
  EXPECT_EQ(LabelOf(file), kLabel);
  EXPECT_EQ(LabelOf(tree_), "");
}

TEST_F(RelabelTest, NoLinkIsFollowed) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, outside_ + "/file", "", 0644).ok());
  ASSERT_EQ(symlink(outside_.c_str(), (tree_ + "/dir").c_str()), 0);
  ASSERT_EQ(symlink((outside_ + "/file").c_str(), (tree_ + "/file").c_str()), 0);
  ASSERT_EQ(Relabel(), absl::OkStatus());
  EXPECT_EQ(LabelOf(tree_ + "/file"), kLabel);
  EXPECT_EQ(LabelOf(outside_ + "/file"), "");
  EXPECT_EQ(LabelOf(outside_), "");
  EXPECT_FALSE(RelabelTree(tree_ + "/dir/none", kLabel, CallContext()).ok());
}

// Whoever can write to the volume puts a link in the place of a directory.
TEST_F(RelabelTest, ADirectoryThatBecomesALinkMeanwhileLeadsNowhere) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, outside_ + "/file", "", 0644).ok());
  const std::string dir = MakeDir("dir");
  const std::string link = tree_ + "/link";
  Make("dir/file");
  ASSERT_EQ(symlink(outside_.c_str(), link.c_str()), 0);
  std::atomic<bool> done = false;
  std::thread attacker([&] {
    while (!done) renameat2(AT_FDCWD, dir.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
  });
  for (int i = 0; i < 500; ++i) EXPECT_EQ(Relabel(), absl::OkStatus());
  done = true;
  attacker.join();
  EXPECT_EQ(LabelOf(outside_ + "/file"), "");
  EXPECT_EQ(LabelOf(outside_), "");
}

TEST_F(RelabelTest, OtherMountsAreNotEntered) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, outside_ + "/file", "", 0644).ok());
  const std::string other = MakeDir("other");
  ASSERT_EQ(mount(outside_.c_str(), other.c_str(), nullptr, MS_BIND, nullptr), 0);
  const std::string same = MakeDir("same");
  const std::string source = MakeDir("source");
  ASSERT_EQ(mount(source.c_str(), same.c_str(), nullptr, MS_BIND, nullptr), 0) << "of the same file system";
  ASSERT_EQ(RelabelTree(tree_, kLabel, CallContext()), absl::OkStatus());
  EXPECT_EQ(LabelOf(outside_), "");
  EXPECT_EQ(LabelOf(outside_ + "/file"), "");
  ASSERT_EQ(umount(same.c_str()), 0);
  EXPECT_EQ(LabelOf(same), "") << "what is below a mount is not reached";
  EXPECT_EQ(LabelOf(source), kLabel);
  ASSERT_EQ(umount(other.c_str()), 0);
}

TEST_F(RelabelTest, AFileSystemWithoutLabelsIsLeftAsItIs) {
  const std::string plain = MakeDir("plain");
  ASSERT_EQ(mount("ramfs", plain.c_str(), "ramfs", 0, nullptr), 0);
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, plain + "/file", "", 0644).ok());
  EXPECT_EQ(RelabelTree(plain, kLabel, CallContext()), absl::OkStatus());
  EXPECT_EQ(LabelOf(plain), "");
  ASSERT_EQ(umount(plain.c_str()), 0);
}

TEST_F(RelabelTest, AReadOnlyFileSystemWithOtherLabelsIsAnErrorThatNamesTheFile) {
  Make("file");
  ASSERT_EQ(Relabel(), absl::OkStatus());
  ASSERT_EQ(mount(nullptr, tree_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  EXPECT_EQ(Relabel(), absl::OkStatus()) << "nothing is to be written";
  const absl::Status status = RelabelTree(tree_, "system_u:object_r:container_file_t:s0", CallContext());
  EXPECT_EQ(ErrnoOf(status), EROFS);
  EXPECT_THAT(std::string(status.message()), HasSubstr(tree_ + ": file: set the SELinux label"));
}

TEST_F(RelabelTest, AnErrorLeavesTheTopWithoutTheLabel) {
  Make("file");
  const CallContext over = CallContext::WithTimeout(std::chrono::seconds(-1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(RelabelTree(tree_, kLabel, over)));
  EXPECT_EQ(LabelOf(tree_), "");
  EXPECT_EQ(ErrnoOf(RelabelTree(tree_ + "/none", kLabel, CallContext())), ENOENT);
}

TEST_F(RelabelTest, ATreeThatIsTooDeepIsAnError) {
  Fd dir = *OpenAt(AT_FDCWD, tree_, O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < 1001; ++i) {
    ASSERT_EQ(mkdirat(dir.get(), "d", 0755), 0);
    dir = *OpenAt(dir.get(), "d", O_RDONLY | O_DIRECTORY);
  }
  EXPECT_THAT(std::string(Relabel().message()), HasSubstr("nested too deeply"));
  EXPECT_EQ(LabelOf(tree_), "");
}

}  // namespace
}  // namespace crisp
