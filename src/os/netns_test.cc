#include "os/netns.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "base/testing/no_threads.h"
#include "base/testing/wait.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

std::string NamespaceOf(const char* link) {
  char text[64];
  const ssize_t length = readlink(link, text, sizeof(text));
  return length > 0 ? std::string(text, static_cast<size_t>(length)) : "";
}

class NetnsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, to make namespaces";
    EnterMountNamespace();
    path_ = dir_ + "/netns/pod";
  }
  void TearDown() override {
    if (IsSkipped()) return;
    while (umount2(path_.c_str(), MNT_DETACH) == 0) {
    }
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
  std::string path_;
};

TEST_F(NetnsTest, APinnedNamespaceIsNotOursAndIsTheSameEveryTime) {
  ASSERT_TRUE(CreateNetns(path_).ok());
  EXPECT_TRUE(IsNetns(path_));
  std::string inside[2];
  for (std::string& each : inside) {
    ASSERT_TRUE(RunInNetns(path_, [&] {
                  each = NamespaceOf("/proc/thread-self/ns/net");
                  return absl::OkStatus();
                }).ok());
  }
  EXPECT_NE(inside[0], "");
  EXPECT_EQ(inside[0], inside[1]);
  EXPECT_NE(inside[0], NamespaceOf("/proc/thread-self/ns/net"));
  EXPECT_TRUE(RemoveNetns(path_).ok());
  EXPECT_FALSE(Exists(path_));
}

bool AllThreadsAreIn(const std::string& expected) {
  const std::vector<std::string> tasks = *ListDir("/proc/self/task");
  return std::all_of(tasks.begin(), tasks.end(), [&](const std::string& task) {
    return NamespaceOf(("/proc/self/task/" + task + "/ns/net").c_str()) == expected;
  });
}

TEST_F(NetnsTest, NoThreadOfOursIsMoved) {
  const std::string before = NamespaceOf("/proc/self/ns/net");
  ASSERT_TRUE(CreateNetns(path_).ok());
  // A thread that has been joined may still be ending.
  EXPECT_TRUE(Eventually([&] { return AllThreadsAreIn(before); }));
}

TEST_F(NetnsTest, CreateDoesNotTakeAFileThatExists) {
  ASSERT_TRUE(CreateNetns(path_).ok());
  const absl::Status again = CreateNetns(path_);
  EXPECT_EQ(ErrnoOf(again), EEXIST) << again;
  EXPECT_TRUE(IsNetns(path_)) << "the one that was there must stay";
}

TEST_F(NetnsTest, CreateBelowAFileFailsAndNamesThePath) {
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/netns", "", 0600).ok());
  const absl::Status status = CreateNetns(path_);
  EXPECT_NE(status.message().find(path_), absl::string_view::npos) << status;
  EXPECT_FALSE(CreateNetns("relative").ok());
}

// While it lives, the calling thread and those that it starts lack CAP_SYS_ADMIN.
class NoAdmin {
 public:
  NoAdmin() {
    syscall(SYS_capget, &header_, old_);
    __user_cap_data_struct less[2] = {old_[0], old_[1]};
    less[0].effective &= ~(1U << CAP_SYS_ADMIN);
    syscall(SYS_capset, &header_, less);
  }
  ~NoAdmin() { syscall(SYS_capset, &header_, old_); }
  NoAdmin(const NoAdmin&) = delete;
  NoAdmin& operator=(const NoAdmin&) = delete;

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct old_[2]{};
};

TEST_F(NetnsTest, AFailedUnshareLeavesNoFile) {
  absl::Status status;
  {
    const NoAdmin no_admin;
    status = CreateNetns(path_);
  }
  EXPECT_EQ(ErrnoOf(status), EPERM) << status;
  EXPECT_NE(status.message().find(path_), absl::string_view::npos) << status;
  EXPECT_FALSE(Exists(path_));
}

TEST_F(NetnsTest, AFailedMountLeavesNoFile) {
  // In a detached file system files can be made, but nothing can be mounted.
  ASSERT_TRUE(MakeDirs(dir_ + "/detached", 0755).ok());
  ASSERT_TRUE(MountTmpfs(dir_ + "/detached", "64k", "0755").ok());
  const Fd detached = *OpenAt(AT_FDCWD, dir_ + "/detached", O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(Unmount(dir_ + "/detached").ok());
  const std::string path = "/proc/self/fd/" + std::to_string(detached.get()) + "/pod";
  const absl::Status status = CreateNetns(path);
  EXPECT_NE(status.message().find("bind /proc/thread-self/ns/net"), absl::string_view::npos) << status;
  EXPECT_FALSE(Exists(path));
}

TEST_F(NetnsTest, NoThreadToWorkOnIsAnErrorAndLeavesNoFile) {
  absl::Status status;
  {
    const NoThreads none;
    status = CreateNetns(path_);
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_FALSE(Exists(path_));
}

TEST_F(NetnsTest, RemoveSucceedsWhenAlreadyGone) {
  EXPECT_TRUE(RemoveNetns(path_).ok());
  ASSERT_TRUE(CreateNetns(path_).ok());
  EXPECT_TRUE(RemoveNetns(path_).ok());
  EXPECT_TRUE(RemoveNetns(path_).ok());
}

TEST_F(NetnsTest, RemoveCleansAFileOnWhichNothingWasMountedYet) {
  ASSERT_TRUE(MakeDirs(dir_ + "/netns", 0755).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, path_, "", 0600).ok());
  EXPECT_FALSE(IsNetns(path_));
  EXPECT_TRUE(RemoveNetns(path_).ok());
  EXPECT_FALSE(Exists(path_));
}

TEST_F(NetnsTest, RemoveTakesAwayMountsOnTopOfEachOther) {
  ASSERT_TRUE(CreateNetns(path_).ok());
  ASSERT_TRUE(BindMount("/proc/self/ns/net", path_).ok());
  EXPECT_TRUE(RemoveNetns(path_).ok());
  EXPECT_FALSE(Exists(path_));
}

TEST_F(NetnsTest, RemoveLeavesWhatIsNotANamespace) {
  ASSERT_TRUE(MakeDirs(dir_ + "/netns", 0755).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, path_, "", 0600).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/other", "kept", 0600).ok());
  ASSERT_TRUE(BindMount(dir_ + "/other", path_).ok());
  EXPECT_EQ(ErrnoOf(RemoveNetns(path_)), EBUSY);
  EXPECT_EQ(*ReadFileAt(AT_FDCWD, path_, 10), "kept");
  EXPECT_FALSE(RemoveNetns(dir_).ok());
}

TEST_F(NetnsTest, ANamespaceThatIsGoneCannotBeEntered) {
  bool ran = false;
  EXPECT_EQ(ErrnoOf(RunInNetns(path_,
                               [&] {
                                 ran = true;
                                 return absl::OkStatus();
                               })),
            ENOENT);
  ASSERT_TRUE(MakeDirs(dir_ + "/netns", 0755).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, path_, "", 0600).ok());
  EXPECT_EQ(ErrnoOf(RunInNetns(path_,
                               [&] {
                                 ran = true;
                                 return absl::OkStatus();
                               })),
            EINVAL);
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace crisp
