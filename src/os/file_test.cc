#include "os/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "os/errno_status.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

class FileTest : public testing::Test {
 protected:
  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
};

TEST_F(FileTest, AnAtomicWriteLeavesOnlyTheFile) {
  ASSERT_TRUE(WriteFileAtomically(AT_FDCWD, dir_ + "/record", "one", 0600).ok());
  ASSERT_TRUE(WriteFileAtomically(AT_FDCWD, dir_ + "/record", "two", 0600).ok());
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, dir_ + "/record", 100), "two");
  EXPECT_EQ(*ListDir(dir_), std::vector<std::string>{"record"});
}

TEST_F(FileTest, AFileOverTheLimitIsAnError) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/big", std::string(101, 'x'), 0600).ok());
  EXPECT_FALSE(ReadFileAt(AT_FDCWD, dir_ + "/big", 100).ok());
  EXPECT_EQ(ReadFileAt(AT_FDCWD, dir_ + "/big", 101)->size(), 101u);
}

TEST_F(FileTest, AMissingFileIsInternalAndTellsItsErrno) {
  const absl::Status status = ReadFileAt(AT_FDCWD, dir_ + "/none", 100).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ErrnoOf(status), ENOENT);
}

TEST_F(FileTest, APathCannotLeaveTheRoot) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/secret", "host", 0600).ok());
  ASSERT_TRUE(MakeDirs(dir_ + "/root/etc", 0755).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/root/secret", "image", 0600).ok());
  ASSERT_EQ(symlink("../../secret", (dir_ + "/root/etc/up").c_str()), 0);
  ASSERT_EQ(symlink("/secret", (dir_ + "/root/etc/absolute").c_str()), 0);
  const Fd root = *OpenAt(AT_FDCWD, dir_ + "/root", O_PATH | O_DIRECTORY);
  for (const char* path : {"../secret", "/secret", "etc/up", "etc/absolute", "etc/../../../secret"}) {
    const auto fd = OpenInRoot(root.get(), path, O_RDONLY);
    ASSERT_TRUE(fd.ok()) << path << ": " << fd.status();
    EXPECT_EQ(*ReadFd(fd->get(), 100, path), "image") << path;
  }
}

TEST_F(FileTest, MakeDirsGivesTheModeWhateverTheUmask) {
  const mode_t old = umask(077);
  ASSERT_TRUE(MakeDirs(dir_ + "/a/b", 0711).ok());
  umask(old);
  struct stat info {};
  ASSERT_EQ(stat((dir_ + "/a/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0711u);
  EXPECT_TRUE(MakeDirs(dir_ + "/a/b", 0700).ok());
}

// A thread replaces each new directory by a link at once, as a pod could if the parent is one of its volumes.
TEST_F(FileTest, MakeDirsChangesNoModeThroughALink) {
  const std::string victim = dir_ + "/victim";
  const std::string path = dir_ + "/new";
  ASSERT_EQ(mkdir(victim.c_str(), 0700), 0);
  std::atomic<bool> over{false};
  std::atomic<int> swaps{0};
  std::thread swapper([&] {
    while (!over) {
      if (rmdir(path.c_str()) == 0 && symlink(victim.c_str(), path.c_str()) == 0) ++swaps;
    }
  });
  const MonoTime patience = MonoClock::now() + std::chrono::seconds(20);
  for (int i = 0; i < 2000 || (swaps < 100 && MonoClock::now() < patience); ++i) {
    (void)MakeDirs(path, 0777);  // fails if it finds the link
    unlink(path.c_str());
    rmdir(path.c_str());
  }
  over = true;
  swapper.join();
  EXPECT_GT(swaps, 0);
  struct stat info {};
  ASSERT_EQ(stat(victim.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
}

TEST_F(FileTest, MakeDirsGoesThroughLinksThatAreThere) {
  ASSERT_TRUE(MakeDirs(dir_ + "/real", 0755).ok());
  ASSERT_EQ(symlink("real", (dir_ + "/link").c_str()), 0);
  EXPECT_TRUE(MakeDirs(dir_ + "/link", 0700).ok());
  EXPECT_TRUE(MakeDirs(dir_ + "/link/a/b/", 0711).ok());
  struct stat info {};
  ASSERT_EQ(stat((dir_ + "/real/a/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0711u);
  ASSERT_EQ(stat((dir_ + "/real").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755u) << "it was there before";
}

TEST_F(FileTest, MakeDirsWithModeChangesTheModeOfWhatIsThere) {
  ASSERT_TRUE(MakeDirs(dir_ + "/a/b", 0755).ok());
  ASSERT_TRUE(MakeDirsWithMode(dir_ + "/a/b", 0700).ok());
  struct stat info {};
  ASSERT_EQ(stat((dir_ + "/a/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  ASSERT_EQ(stat((dir_ + "/a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755u);
}

TEST_F(FileTest, MakeDirsBelowAFileFails) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/file", "", 0600).ok());
  EXPECT_FALSE(MakeDirs(dir_ + "/file", 0700).ok());
  EXPECT_FALSE(MakeDirs(dir_ + "/file/below", 0700).ok());
}

TEST_F(FileTest, MakeDirsWhereNothingCanBeMadeFails) {
  EXPECT_FALSE(MakeDirs("/proc/no/such", 0700).ok());
}

TEST_F(FileTest, RemoveTreeDoesNotFollowLinks) {
  ASSERT_TRUE(MakeDirs(dir_ + "/tree/sub", 0700).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/kept", "x", 0600).ok());
  ASSERT_EQ(symlink("../../kept", (dir_ + "/tree/sub/link").c_str()), 0);
  EXPECT_TRUE(RemoveTree(dir_ + "/tree").ok());
  EXPECT_FALSE(Exists(dir_ + "/tree"));
  EXPECT_TRUE(Exists(dir_ + "/kept"));
  EXPECT_TRUE(RemoveTree(dir_ + "/tree").ok());
}

}  // namespace
}  // namespace crisp
