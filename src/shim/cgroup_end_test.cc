// Runs on the hierarchy that has the pids controller on this machine, v1 or v2. Needs root.
#include "shim/cgroup_end.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace crisp::shim {
namespace {

constexpr int64_t kMillisecond = 1'000'000;

class CgroupEndTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    const bool v1 = access("/sys/fs/cgroup/pids", F_OK) == 0;
    path_ = std::string(v1 ? "/sys/fs/cgroup/pids" : "/sys/fs/cgroup") + "/crisp-end-test-" + std::to_string(getpid());
    dirs_ = {{path_, v1 ? "pids" : "", !v1}};
    ASSERT_EQ(mkdir(path_.c_str(), 0755), 0);
    ASSERT_EQ(mkdir((path_ + "/below").c_str(), 0755), 0);
  }
  void TearDown() override {
    if (path_.empty() || access(path_.c_str(), F_OK) != 0) return;
    if (child_.valid()) EndChild();
    EXPECT_EQ(Run([&](CgroupEnd::Done done) { end_.Remove(dirs_, std::move(done)); }), 0);
  }

  // Starts a process in the cgroup below, which stays there until it is killed.
  void StartChild() {
    const pid_t pid = fork();
    if (pid == 0) {
      for (;;) pause();
    }
    child_ = Pidfd::Open(pid);
    std::ofstream(path_ + "/below/cgroup.procs") << pid << std::flush;
    ASSERT_EQ(cgroup::Processes(dirs_), std::vector<pid_t>{pid});
  }
  void EndChild() {
    child_.Signal(SIGKILL);
    child_.Reap();
    child_.reset();
  }

  // Runs the loop until the operation is done; its result.
  template <typename Operation>
  int Run(Operation operation) {
    std::optional<int> result;
    operation([&](int error) {
      result = error;
      loop_.Stop();
    });
    if (!result.has_value()) loop_.Run();
    return result.value();
  }

  // Counts the turns that other timers get.
  void Tick() {
    ++ticks_;
    tick_ = loop_.After(5 * kMillisecond, [this] { Tick(); });
  }

  std::string path_;
  cgroup::Dirs dirs_;
  Loop loop_;
  CgroupEnd end_{loop_};
  Pidfd child_;
  int ticks_ = 0;
  Loop::Timer tick_ = 0;
};

TEST_F(CgroupEndTest, KillsAndRemovesWhatIsBelowToo) {
  StartChild();
  EXPECT_EQ(Run([&](CgroupEnd::Done done) { end_.Kill(dirs_, std::move(done)); }), 0);
  EXPECT_EQ(child_.Reap().value_or(ExitStatus()).signal, SIGKILL);
  child_.reset();
  EXPECT_EQ(Run([&](CgroupEnd::Done done) { end_.Remove(dirs_, std::move(done)); }), 0);
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
}

TEST_F(CgroupEndTest, WithoutProcessesAndCgroupsItIsDoneAtOnce) {
  int done = 0;
  end_.Kill(dirs_, [&](int error) { done += error == 0 ? 1 : 0; });
  EXPECT_EQ(done, 1);
  end_.Remove(dirs_, [&](int error) { done += error == 0 ? 1 : 0; });
  EXPECT_EQ(done, 2);
  end_.Remove(dirs_, [&](int error) { done += error == 0 ? 1 : 0; });
  EXPECT_EQ(done, 3);
}

TEST_F(CgroupEndTest, WhileACgroupIsBusyOthersHaveTheirTurn) {
  StartChild();
  loop_.After(500 * kMillisecond, [this] { EndChild(); });
  Tick();
  const int64_t start = MonoNanos();
  EXPECT_EQ(Run([&](CgroupEnd::Done done) { end_.Remove(dirs_, std::move(done)); }), 0);
  EXPECT_GE(MonoNanos() - start, 500 * kMillisecond);
  EXPECT_GT(ticks_, 20);
  loop_.Cancel(&tick_);
}

TEST_F(CgroupEndTest, ACgroupThatStaysBusyIsAnError) {
  StartChild();
  const int64_t start = MonoNanos();
  EXPECT_EQ(Run([&](CgroupEnd::Done done) { end_.Remove(dirs_, std::move(done)); }), EBUSY);
  EXPECT_GE(MonoNanos() - start, CgroupEnd::kRemoveNanos);
}

TEST_F(CgroupEndTest, TheDestructorAbandonsWhatIsUnderWay) {
  StartChild();
  std::optional<CgroupEnd> end;
  end.emplace(loop_);
  end->Remove(dirs_, [](int) { FAIL() << "nobody is left to be told"; });
  end.reset();
  end.emplace(loop_);
  end->Kill(dirs_, [](int) { FAIL() << "nobody is left to be told"; });
  end.reset();
  loop_.After(20 * kMillisecond, [this] { loop_.Stop(); });
  loop_.Run();
  EXPECT_EQ(child_.Reap().value_or(ExitStatus()).signal, SIGKILL) << "it was sent before";
  child_.reset();
}

}  // namespace
}  // namespace crisp::shim
