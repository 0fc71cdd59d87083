// Plans at the real shim, without a daemon: what it refuses, what fails at each step, and what a cancelled launch
// leaves.
#include <linux/capability.h>

#include <unistd.h>

#include <cstring>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "os/file.h"
#include "runtime/exec_plan.h"
#include "runtime/test_pod.h"

namespace crisp {
namespace {

using shim::ExecPlan;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

class ShimNativeExecTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_TRUE(pod_.Launch().ok());
    const StartRequest start = pod_.Bundle("a", TestPod::Shell("sleep 1000"), [](nlohmann::json& config) {
      config["process"]["env"] = {"PATH=/bin", "HOME=/"};
      config["process"]["oomScoreAdj"] = 0;
      config["process"]["rlimits"] = {{{"type", "RLIMIT_NOFILE"}, {"soft", 100}, {"hard", 200}},
                                      {{"type", "RLIMIT_CORE"}, {"soft", 0}, {"hard", 4096}},
                                      {{"type", "RLIMIT_NPROC"}, {"soft", 50}, {"hard", 60}}};
      for (const char* set : {"bounding", "effective", "permitted"}) {
        config["process"]["capabilities"][set] = {"CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_SYS_ADMIN"};
      }
    });
    ASSERT_TRUE(pod_.client->Start(start, TestPod::call()).ok());
    const auto spec = ReadFileAt(AT_FDCWD, pod_.Path("a/config.json"), 1 << 20);
    auto base = ExecPlanBase::Make(*spec, "a", /*session_keyring=*/true);
    ASSERT_TRUE(base.ok()) << base.status();
    base_ = *std::move(base);
  }

  std::string Plan(const std::string& script, const std::function<void(ExecPlan&)>& change = {}) {
    std::string plan = *base_.For(TestPod::Shell(script), /*terminal=*/false);
    ExecPlan head;
    std::memcpy(&head, plan.data(), sizeof(head));
    if (change) change(head);
    std::memcpy(plan.data(), &head, sizeof(head));
    return plan;
  }
  absl::StatusOr<ExecResult> Exec(const std::string& plan, const CallContext& call = TestPod::call()) {
    return pod_.client->Exec({"a", "", seconds(0), 1 << 20, plan}, call);
  }
  size_t Descriptors() { return ListDir(absl::StrCat("/proc/", pod_.client->pid(), "/fd"))->size(); }
  size_t Processes() { return cgroup::Processes(pod_.Cgroups("a")).size(); }

  TestPod pod_;
  ExecPlanBase base_;
};

TEST_F(ShimNativeExecTest, RunsAPlan) {
  const auto result = Exec(Plan("echo out; echo err >&2; exit 7"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->output, "out\n");
  EXPECT_EQ(result->error_output, "err\n");
  EXPECT_EQ(result->exit_code, 7);
}

TEST_F(ShimNativeExecTest, LimitsAreThoseThatTheRuntimeSets) {
  const auto spec = nlohmann::json::parse(*ReadFileAt(AT_FDCWD, pod_.Path("a/config.json"), 1 << 20));
  nlohmann::json process = spec["process"];
  process["args"] = TestPod::Shell("cat /proc/self/limits");
  const auto by_runtime = pod_.client->Exec({"a", process.dump(), seconds(0), 1 << 20}, TestPod::call());
  ASSERT_TRUE(by_runtime.ok()) << by_runtime.status();
  EXPECT_THAT(by_runtime->output, HasSubstr("Max core file size        0                    4096"));
  const auto natively = Exec(Plan("cat /proc/self/limits"));
  ASSERT_TRUE(natively.ok()) << natively.status();
  EXPECT_THAT(natively->output, HasSubstr("Max open files            100                  200"));
  // Go 1.19 and 1.20 raise the soft limit of open files, and the command of their runc inherits it.
  const auto others = [](const std::string& limits) {
    const size_t files = limits.find("Max open files");
    return limits.substr(0, files) + limits.substr(limits.find('\n', files));
  };
  EXPECT_EQ(others(natively->output), others(by_runtime->output));
}

TEST_F(ShimNativeExecTest, WhatIsNoPlanOfItsVersionIsLeftToTheRuntime) {
  const std::string plans[] = {
      Plan("exit 0", [](ExecPlan& head) { ++head.version; }),
      Plan("exit 0", [](ExecPlan& head) { head.size += 1; }),
      Plan("exit 0", [](ExecPlan& head) { head.size -= 1; }),
      Plan("exit 0", [](ExecPlan& head) { head.size = 0; }),
      Plan("exit 0", [](ExecPlan& head) { head.arguments = 0; }),
      Plan("exit 0", [](ExecPlan& head) { head.arguments = ~0U; }),
      Plan("exit 0", [](ExecPlan& head) { ++head.variables; }),
      Plan("exit 0", [](ExecPlan& head) { head.groups = ~0U; }),
      Plan("exit 0", [](ExecPlan& head) { head.limits = 1U << 30; }),
      Plan("exit 0", [](ExecPlan& head) { head.instructions = 4097; }),
      Plan("exit 0").substr(0, 20),
      "{}",
  };
  const size_t before = Descriptors();
  for (const std::string& plan : plans) {
    const absl::Status refused = Exec(plan).status();
    EXPECT_TRUE(absl::IsUnimplemented(refused)) << refused;
  }
  EXPECT_EQ(Exec(Plan("exit 3"))->exit_code, 3);
  EXPECT_EQ(Processes(), 1u);
  EXPECT_LE(Descriptors(), before + 2) << "one for the helper";
}

TEST_F(ShimNativeExecTest, AStepThatFailsIsNamedAndLeavesNothing) {
  const std::pair<const char*, std::function<void(ExecPlan&)>> changes[] = {
      {"set oom_score_adj", [](ExecPlan& head) { head.oom_score_adj = 5000; }},
      {"set the user", [](ExecPlan& head) { head.uid = ~0U; }},
      {"set the user", [](ExecPlan& head) { head.gid = ~0U; }},
      {"set capabilities",
       [](ExecPlan& head) {
         head.permitted |= uint64_t{1} << CAP_SYS_MODULE;
         head.bounding = 0;
         head.effective = ~uint64_t{0};
       }},
      {"load the seccomp filter", [](ExecPlan& head) { head.flags |= ExecPlan::kSeccomp; }},
  };
  Exec(Plan("exit 0")).value();
  const size_t before = Descriptors();
  for (const auto& [step, change] : changes) {
    const absl::Status failed = Exec(Plan("exit 0", change)).status();
    EXPECT_TRUE(absl::IsInternal(failed)) << failed;
    EXPECT_THAT(std::string(failed.message()), HasSubstr(step));
  }
  EXPECT_EQ(Exec(Plan("exit 3"))->exit_code, 3);
  EXPECT_EQ(Processes(), 1u);
  EXPECT_LE(Descriptors(), before);
}

TEST_F(ShimNativeExecTest, NamespacesThatTheKernelCannotJoinSoAreLeftToTheRuntime) {
  const absl::Status refused = Exec(Plan("exit 0", [](ExecPlan& head) { head.namespaces = 1; })).status();
  EXPECT_TRUE(absl::IsUnimplemented(refused)) << refused;
}

// Whatever the launch is at: the helper, or the process that becomes the command, is killed there.
TEST_F(ShimNativeExecTest, ALaunchThatIsCancelledAtAnyMomentLeavesNothing) {
  Exec(Plan("exit 0")).value();
  const size_t before = Descriptors();
  for (int i = 0; i < 150; ++i) {
    const MonoTime due = MonoClock::now() + std::chrono::microseconds(20 * i);
    const auto result = Exec(Plan("sleep 1000"), CallContext(kNoDeadline, [&] { return MonoClock::now() >= due; }));
    EXPECT_TRUE(absl::IsCancelled(result.status())) << result.status();
  }
  EXPECT_EQ(Processes(), 1u);
  EXPECT_EQ(Exec(Plan("exit 3"))->exit_code, 3);
  EXPECT_LE(Descriptors(), before);
}

TEST_F(ShimNativeExecTest, ACommandThatIsLateIsKilledWithItsChildren) {
  const auto result =
      pod_.client->Exec({"a", "", milliseconds(300), 1 << 20, Plan("setsid sleep 1000 & sleep 1000")}, TestPod::call());
  EXPECT_TRUE(absl::IsDeadlineExceeded(result.status())) << result.status();
  EXPECT_EQ(Processes(), 1u);
}

}  // namespace
}  // namespace crisp
