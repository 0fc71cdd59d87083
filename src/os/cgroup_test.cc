#include "os/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "os/file.h"
#include "os/process.h"

namespace crisp {
namespace {

TEST(CgroupPathTest, SlicesNest) {
  EXPECT_EQ(cgroup::SystemdScopePath("system.slice:crisp:id"), "/system.slice/crisp-id.scope");
  EXPECT_EQ(cgroup::SystemdScopePath("a-b.slice:crisp:id"), "/a.slice/a-b.slice/crisp-id.scope");
  EXPECT_EQ(cgroup::SystemdScopePath("kubepods-burstable-pod1.slice:crisp:id"),
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/crisp-id.scope");
  EXPECT_EQ(cgroup::SystemdScopePath("/test.slice:crisp:id"), "/test.slice/crisp-id.scope");
  EXPECT_EQ(cgroup::SystemdScopePath("-.slice:crisp:id"), "/crisp-id.scope");
  EXPECT_EQ(cgroup::SystemdScopePath(":crisp:id"), "/system.slice/crisp-id.scope");
  EXPECT_EQ(cgroup::SystemdScopePath("/a/b"), "");
  EXPECT_EQ(cgroup::SystemdScopePath("a.service:crisp:id"), "");
}

TEST(CgroupPathTest, PathsThatLeadElsewhereAreRefused) {
  for (const char* path : {"", "/", "relative/id", "/a/../b", "/..", "/a//b", "/a/./b", "/a/"}) {
    EXPECT_EQ(ContainerCgroups(path, false).status().code(), absl::StatusCode::kInvalidArgument) << path;
  }
  EXPECT_FALSE(ContainerCgroups("a.slice:../..:x", true).ok() &&
               ContainerCgroups("a.slice:../..:x", true)->front().path.find("..") == std::string::npos);
  EXPECT_EQ(ContainerCgroups("/parent/id", true).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(CgroupPathTest, InsideIsByWholeNames) {
  const cgroup::Dirs expected{{"/c/a", "pids", false}};
  EXPECT_EQ(cgroup::Inside({{"/c/a", "pids", false}}, expected).size(), 1u);
  EXPECT_EQ(cgroup::Inside({{"/c/a/b", "pids", false}}, expected).size(), 1u);
  EXPECT_EQ(cgroup::Inside({{"/c/ab", "pids", false}}, expected).size(), 0u);
  EXPECT_EQ(cgroup::Inside({{"/c", "pids", false}}, expected).size(), 0u);
}

// A cgroup with one below it, in a hierarchy of this machine.
class CgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    const auto dirs = ContainerCgroups(absl::StrCat("/crisp-os-test-", getpid()), false);
    ASSERT_TRUE(dirs.ok()) << dirs.status();
    for (const cgroup::Dir& dir : *dirs) {
      if (dir.v2 || dir.Has("pids") || dir.Has("freezer")) dirs_.push_back(dir);
    }
    for (const cgroup::Dir& dir : dirs_) {
      ASSERT_EQ(mkdir(dir.path.c_str(), 0755), 0) << dir.path;
      ASSERT_EQ(mkdir((dir.path + "/below").c_str(), 0755), 0);
    }
  }
  void TearDown() override {
    EXPECT_TRUE(KillCgroups(dirs_, std::chrono::seconds(5)).ok());
    EXPECT_TRUE(RemoveCgroups(dirs_).ok());
    for (const pid_t pid : pids_) waitpid(pid, nullptr, 0);
  }

  // Starts a process that sleeps, in the cgroup or in one below it, in each hierarchy.
  pid_t Sleeper(const std::string& below) {
    const auto child = SpawnDetached("/bin/sleep", {"1000"}, {}, {-1, -1, -1});
    EXPECT_TRUE(child.ok()) << child.status();
    pids_.push_back(child->pid);
    for (const cgroup::Dir& dir : dirs_) {
      const absl::Status moved =
          WriteFileAt(AT_FDCWD, absl::StrCat(dir.path, below, "/cgroup.procs"), absl::StrCat(child->pid), 0644);
      EXPECT_TRUE(moved.ok()) << moved;
    }
    return child->pid;
  }

  // Starts a chain of processes in the cgroup: each forks and exits, and its child does the same, for 10 seconds. A
  // process outside the cgroup reaps them.
  void Chain() {
    const pid_t keeper = fork();
    if (keeper == 0) {
      prctl(PR_SET_CHILD_SUBREAPER, 1);
      if (fork() == 0) RunChain();
      while (waitpid(-1, nullptr, 0) > 0) continue;
      _exit(0);
    }
    pids_.push_back(keeper);
    EXPECT_TRUE(SoonIs(false, {dirs_.back()}));
  }
  [[noreturn]] void RunChain() {
    for (const cgroup::Dir& dir : dirs_) {
      if (!WriteFileAt(AT_FDCWD, dir.path + "/cgroup.procs", "0", 0644).ok()) _exit(1);
    }
    for (const MonoTime end = MonoClock::now() + std::chrono::seconds(10); MonoClock::now() < end;) {
      if (fork() > 0) _exit(0);
    }
    _exit(0);
  }

  // Whether the cgroups become empty (or not empty) within 5 seconds.
  static bool SoonIs(bool empty, const cgroup::Dirs& dirs) {
    const MonoTime patience = MonoClock::now() + std::chrono::seconds(5);
    while (cgroup::Processes(dirs).empty() != empty) {
      if (MonoClock::now() > patience) return false;
    }
    return true;
  }

  cgroup::Dirs dirs_;
  std::vector<pid_t> pids_;
};

TEST_F(CgroupTest, AProcessIsFoundWhereItWasPut) {
  const pid_t pid = Sleeper("");
  const cgroup::Dirs found = cgroup::Inside(cgroup::OfProcess(pid), dirs_);
  EXPECT_EQ(found.size(), dirs_.size());
  EXPECT_EQ(cgroup::Processes(dirs_), std::vector<pid_t>{pid});
}

TEST_F(CgroupTest, KillReachesNestedCgroupsAndLeavesNobody) {
  for (int i = 0; i < 70; ++i) Sleeper(i % 2 == 0 ? "" : "/below");
  EXPECT_EQ(cgroup::Processes(dirs_).size(), 70u);
  const absl::Status killed = KillCgroups(dirs_, std::chrono::seconds(5));
  EXPECT_TRUE(killed.ok()) << killed;
  EXPECT_TRUE(cgroup::Processes(dirs_).empty());
}

TEST_F(CgroupTest, ACgroupIsNotHiddenByADot) {
  for (const cgroup::Dir& dir : dirs_) ASSERT_EQ(mkdir((dir.path + "/.hidden").c_str(), 0755), 0);
  const pid_t pid = Sleeper("/.hidden");
  EXPECT_EQ(cgroup::Processes(dirs_), std::vector<pid_t>{pid});
  const absl::Status killed = KillCgroups(dirs_, std::chrono::seconds(5));
  EXPECT_TRUE(killed.ok()) << killed;
}

// Listing all these cgroups takes longer than a process of the chain lives.
TEST_F(CgroupTest, AChainOfProcessesThatForkAndEndIsKilled) {
  for (const cgroup::Dir& dir : dirs_) {
    for (int i = 0; i < 100; ++i) ASSERT_EQ(mkdir(absl::StrCat(dir.path, "/", i).c_str(), 0755), 0);
  }
  for (int i = 0; i < 20; ++i) {
    Chain();
    const absl::Status killed = KillCgroups(dirs_, std::chrono::seconds(5));
    EXPECT_TRUE(killed.ok()) << killed;
    EXPECT_TRUE(cgroup::Processes(dirs_).empty());
  }
}

TEST_F(CgroupTest, AChainDiesOfOneRoundToo) {
  Chain();
  cgroup::KillOnce(dirs_);
  EXPECT_TRUE(SoonIs(true, dirs_));
}

TEST_F(CgroupTest, AFrozenProcessDiesToo) {
  Sleeper("");
  for (const cgroup::Dir& dir : dirs_) {
    if (dir.Has("freezer")) {
      ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir.path + "/freezer.state", "FROZEN", 0644).ok());
    } else if (dir.v2) {
      ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir.path + "/cgroup.freeze", "1", 0644).ok());
    }
  }
  const absl::Status killed = KillCgroups(dirs_, std::chrono::seconds(5));
  EXPECT_TRUE(killed.ok()) << killed;
}

TEST_F(CgroupTest, RemoveTakesTheTreeAndIsOkWhenItIsGone) {
  ASSERT_TRUE(RemoveCgroups(dirs_).ok());
  EXPECT_FALSE(Exists(dirs_.front().path));
  EXPECT_TRUE(RemoveCgroups(dirs_).ok());
}

TEST_F(CgroupTest, RemoveOfOneInUseIsAnErrorThatNamesIt) {
  Sleeper("/below");
  const absl::Status removed = RemoveCgroups(dirs_);
  EXPECT_NE(std::string(removed.message()).find(dirs_.front().path), std::string::npos) << removed;
}

TEST_F(CgroupTest, MoveUpLeavesTheProcessAlive) {
  const pid_t pid = Sleeper("/below");
  for (const cgroup::Dir& dir : dirs_) {
    EXPECT_EQ(cgroup::MoveUp(dir.path + "/below"), 0);
    EXPECT_EQ(rmdir((dir.path + "/below").c_str()), 0);
  }
  EXPECT_EQ(cgroup::Processes(dirs_), std::vector<pid_t>{pid});
  EXPECT_EQ(kill(pid, 0), 0);
}

TEST_F(CgroupTest, SignalReachesAll) {
  const pid_t pid = Sleeper("/below");
  cgroup::Signal(dirs_, SIGTERM);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
  pids_.clear();
}

}  // namespace
}  // namespace crisp
