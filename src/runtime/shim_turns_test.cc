// While the end of one container waits for the kernel, the shim goes on with the others. With the real runc; needs
// root, runc and busybox-static.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <future>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/testing/wait.h"
#include "gtest/gtest.h"
#include "os/file.h"
#include "runtime/test_pod.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;

// Of an exit, until it is reported. On a busy machine one of a few must be that quick.
constexpr milliseconds kSoon{50};
constexpr int kOthers = 3;

class ShimTurnsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!Exists("/usr/sbin/runc")) GTEST_SKIP() << "needs runc";
    const absl::Status launched = pod_.Launch();
    ASSERT_TRUE(launched.ok()) << launched;
  }

  pid_t MustStart(const StartRequest& request) {
    const auto started = pod_.client->Start(request, TestPod::call());
    EXPECT_TRUE(started.ok()) << started.status();
    return started.ok() ? started->pid : -1;
  }
  pid_t MustRun(const std::string& id) { return MustStart(pod_.Bundle(id, TestPod::Shell("sleep 1000"))); }

  void StartOthers() {
    MustRun("b");
    for (int i = 0; i < kOthers; ++i) others_.push_back(MustRun(absl::StrCat("other-", i)));
    exec_ = std::async(std::launch::async, [this] {
      return pod_.Exec("b", "touch /tmp/runs; while [ ! -e /tmp/go ]; do usleep 1000; done; exit 7");
    });
    ASSERT_TRUE(Eventually([&] { return Exists(pod_.Path("rootfs/tmp/runs")); }));
  }

  // Ends the exec, and containers until one exit is reported soon. Returns how many have been reported.
  int OthersGoOn() {
    EXPECT_TRUE(WriteFileAt(AT_FDCWD, pod_.Path("rootfs/tmp/go"), "", 0644).ok());
    const absl::StatusOr<ExecResult> result = exec_.get();
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->exit_code, 7);
    for (int i = 0; i < kOthers; ++i) {
      const MonoTime start = MonoClock::now();
      EXPECT_EQ(kill(others_[static_cast<size_t>(i)], SIGKILL), 0);
      EXPECT_EQ(pod_.listener.AwaitExit(absl::StrCat("other-", i)).exit_code, 128 + SIGKILL);
      if (MonoClock::now() - start < kSoon) return i + 1;
    }
    ADD_FAILURE() << "no exit was reported within 50 ms";
    return kOthers;
  }

  // A runtime whose `delete` leaves a process in the container's cgroup for 0.6 seconds.
  std::string RuntimeThatLeavesAProcess(const std::string& id) {
    const std::string cgroup = pod_.Cgroups(id).front().path;
    const std::string path = pod_.Path("lingering-runc");
    const std::string script =
        absl::StrCat("#!/bin/sh\ncase \" $* \" in *' delete '*)\n  /usr/sbin/runc \"$@\" || exit\n  mkdir -p ", cgroup,
                     "\n  sh -c 'echo $$ > ", cgroup, "/cgroup.procs; echo > ", pod_.Path("busy"),
                     "; exec sleep 0.6' >/dev/null 2>&1 &\n  while [ ! -e ", pod_.Path("busy"),
                     " ]; do sleep 0.01; done\n  exit 0;; esac\nexec /usr/sbin/runc \"$@\"\n");
    EXPECT_TRUE(WriteFileAt(AT_FDCWD, path, script, 0755).ok());
    return path;
  }

  TestPod pod_;
  std::vector<pid_t> others_;
  std::future<absl::StatusOr<ExecResult>> exec_;
};

TEST_F(ShimTurnsTest, WhileACgroupIsBusy) {
  StartRequest a = pod_.Bundle("a", TestPod::Shell("sleep 1000"));
  a.runtime.binary = RuntimeThatLeavesAProcess("a");
  MustStart(a);
  StartOthers();
  auto removed = std::async(std::launch::async, [&] { return pod_.client->Delete("a", TestPod::call()); });
  ASSERT_TRUE(Eventually([&] { return Exists(pod_.Path("busy")); }));
  OthersGoOn();
  EXPECT_EQ(removed.wait_for(milliseconds(0)), std::future_status::timeout) << "the cgroup was not busy for long";
  const absl::Status status = removed.get();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(pod_.Leftovers("a"), "");
}

// The kernel tells of a v1 cgroup that has gone by one signal; a second would be an OOM kill. The shim waits for it
// when somebody unknown has killed the container. On v2 it knows at once.
TEST_F(ShimTurnsTest, WhileAnOomIsJudged) {
  const pid_t a = MustRun("a");
  StartOthers();
  ASSERT_EQ(kill(pod_.client->pid(), SIGSTOP), 0);
  ASSERT_EQ(kill(a, SIGKILL), 0);
  for (const cgroup::Dir& dir : pod_.Cgroups("a")) {
    EXPECT_TRUE(Eventually([&] { return rmdir(dir.path.c_str()) == 0 || errno == ENOENT; })) << dir.path;
  }
  usleep(100'000);  // for the signal; nothing but the shim sees it
  ASSERT_EQ(kill(pod_.client->pid(), SIGCONT), 0);
  const int reported = OthersGoOn();
  const bool v1 = Exists("/sys/fs/cgroup/memory");
  EXPECT_EQ(pod_.listener.exits(), v1 ? reported : reported + 1) << "the judgement was not pending";
  const ContainerExit exit = pod_.listener.AwaitExit("a");
  EXPECT_EQ(exit.exit_code, 128 + SIGKILL);
  EXPECT_FALSE(exit.oom_killed);
}

}  // namespace
}  // namespace crisp
