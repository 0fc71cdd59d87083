// Runs on the hierarchy that has the memory controller on this machine, v1 or v2. Needs root.
#include "shim/oom_watch.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "base/testing/wait.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "shim/loop.h"

namespace crisp::shim {
namespace {

constexpr size_t kLimit = 16 << 20;

bool IsV1() {
  return access("/sys/fs/cgroup/memory/memory.limit_in_bytes", F_OK) == 0;
}

bool Write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

// A cgroup with two below it. A test may remove one as soon as it is empty, as systemd removes a scope.
class OomWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    above_ = std::string(IsV1() ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup") + "/crisp-oom-test-" +
             std::to_string(getpid());
    if (!IsV1()) Write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
    ASSERT_EQ(mkdir(above_.c_str(), 0755), 0);
    ASSERT_TRUE(IsV1() || Write(above_ + "/cgroup.subtree_control", "+memory"));
    for (const char* name : {"/ours", "/other"}) ASSERT_EQ(mkdir((above_ + name).c_str(), 0755), 0);
    watch_.Open({{above_ + "/ours", IsV1() ? "memory" : "", !IsV1()}},
                [this](uint64_t kills) { reports_.push_back(kills); });
  }
  void TearDown() override {
    for (const char* name : {"/ours", "/other", ""}) Remove(above_ + name);
  }

  void Limit(const std::string& cgroup) {
    ASSERT_TRUE(Write(cgroup + (IsV1() ? "/memory.limit_in_bytes" : "/memory.max"), std::to_string(kLimit)));
    if (!IsV1()) Write(cgroup + "/memory.swap.max", "0");
  }
  static void Remove(const std::string& cgroup) {
    // A process that has been reaped leaves its cgroup a moment later.
    Eventually([&] { return rmdir(cgroup.c_str()) == 0 || errno != EBUSY; });
    EXPECT_NE(access(cgroup.c_str(), F_OK), 0) << cgroup;
  }

  // Runs a process in `cgroup` that touches `bytes`. Returns its status, as of waitpid(2).
  static int Eat(const std::string& cgroup, size_t bytes) {
    const pid_t pid = fork();
    if (pid == 0) {
      if (!Write(cgroup + "/cgroup.procs", "0")) _exit(99);
      char* const memory =
          static_cast<char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
      for (size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
      _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return status;
  }
  static bool WasKilled(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }

  // The judgement. Runs the loop if it is pending.
  bool Killed(bool suspicious) {
    std::optional<bool> killed;
    watch_.Judge(suspicious, [&](bool judged) {
      killed = judged;
      loop_.Stop();
    });
    if (!killed.has_value()) loop_.Run();
    return killed.value();
  }

  void RunLoop(int64_t nanos) {
    loop_.After(nanos, [this] { loop_.Stop(); });
    loop_.Run();
  }

  std::string above_;
  std::vector<uint64_t> reports_;
  Loop loop_;
  OomWatch watch_{loop_};
};

TEST_F(OomWatchTest, AKillIsTold) {
  Limit(above_ + "/ours");
  EXPECT_FALSE(Killed(false));
  EXPECT_EQ(Eat(above_ + "/ours", kLimit / 2), 0);
  EXPECT_FALSE(Killed(false));
  EXPECT_TRUE(WasKilled(Eat(above_ + "/ours", 4 * kLimit)));
  EXPECT_TRUE(Killed(true));
}

TEST_F(OomWatchTest, AKillIsToldWhenTheCgroupIsGoneBeforeAnybodyLooks) {
  Limit(above_ + "/ours");
  EXPECT_TRUE(WasKilled(Eat(above_ + "/ours", 4 * kLimit)));
  Remove(above_ + "/ours");
  EXPECT_TRUE(Killed(true));
}

TEST_F(OomWatchTest, AKillIsToldWhenTheCgroupGoesWhileTheKernelTells) {
  Limit(above_ + "/ours");
  EXPECT_TRUE(WasKilled(Eat(above_ + "/ours", 4 * kLimit)));
  Remove(above_ + "/ours");
  RunLoop(100'000'000);
  EXPECT_TRUE(Killed(true));
}

TEST_F(OomWatchTest, ACgroupThatGoesIsNoKill) {
  Limit(above_ + "/ours");
  EXPECT_EQ(Eat(above_ + "/ours", kLimit / 2), 0);
  Remove(above_ + "/ours");
  EXPECT_FALSE(Killed(false));
}

TEST_F(OomWatchTest, ASuspiciousEndWithoutAnOomIsNoKill) {
  Remove(above_ + "/ours");
  EXPECT_FALSE(Killed(true));
}

TEST_F(OomWatchTest, ACgroupThatGoesWhileTheLoopRunsIsNoKill) {
  Remove(above_ + "/ours");
  RunLoop(100'000'000);
  EXPECT_FALSE(Killed(false));
}

TEST_F(OomWatchTest, AKillOfOursForTheLimitAboveIsOurs) {
  Limit(above_);
  EXPECT_TRUE(WasKilled(Eat(above_ + "/ours", 4 * kLimit)));
  Remove(above_ + "/ours");
  EXPECT_TRUE(Killed(true));
}

TEST_F(OomWatchTest, AKillOfANeighbourIsNotOurs) {
  Limit(above_);
  EXPECT_TRUE(WasKilled(Eat(above_ + "/other", 4 * kLimit)));
  EXPECT_FALSE(Killed(false));
  RunLoop(2 * OomWatch::kSettleNanos);
  Remove(above_ + "/ours");
  EXPECT_FALSE(Killed(false));
}

TEST_F(OomWatchTest, KillsAreReportedOnceAndNotMoreOftenThanOnceASecond) {
  Limit(above_ + "/ours");
  EXPECT_TRUE(WasKilled(Eat(above_ + "/ours", 4 * kLimit)));
  RunLoop(2 * OomWatch::kSettleNanos);
  EXPECT_THAT(reports_, testing::ElementsAre(1));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(WasKilled(Eat(above_ + "/ours", 4 * kLimit)));
  RunLoop(OomWatch::kSettleNanos);
  EXPECT_THAT(reports_, testing::ElementsAre(1));
  RunLoop(2 * OomWatch::kReportNanos);
  EXPECT_THAT(reports_, testing::ElementsAre(1, 3));
  EXPECT_EQ(Eat(above_ + "/ours", kLimit / 2), 0);
  RunLoop(2 * OomWatch::kSettleNanos);
  EXPECT_THAT(reports_, testing::ElementsAre(1, 3));
}

}  // namespace
}  // namespace crisp::shim
