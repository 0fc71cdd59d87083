#include "os/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "base/testing/wait.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;

Command Shell(const std::string& script) {
  Command command;
  command.path = "/bin/sh";
  command.args = {"-c", script};
  command.env = {"PATH=/usr/bin:/bin"};
  return command;
}

TEST(ProcessTest, OutputCodeAndErrorsComeBack) {
  Command command = Shell("cat; echo bad >&2; exit 3");
  command.input = "hello";
  const CommandResult result = *RunCommand(command, CallContext());
  EXPECT_EQ(result.output, "hello");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.Describe(), "exit status 3: bad");
}

TEST(ProcessTest, ADeadlineKillsTheWholeGroup) {
  const auto start = MonoClock::now();
  const auto result = RunCommand(Shell("sleep 60 & echo $!; wait"), CallContext::WithTimeout(milliseconds(100)));
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_LT(MonoClock::now() - start, std::chrono::seconds(5));
}

// The first process of a pid namespace dies only after all others in it have been reaped, here by the test. No other
// process that survives SIGKILL can be made at will.
TEST(ProcessTest, WhatDoesNotEndByKillIsLeftToEndByItself) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to make a PID namespace";
  pid_t unreaped = -1;
  absl::Status status;
  MonoClock::duration took{};
  std::thread([&] {
    const Fd ours(open("/proc/thread-self/ns/pid", O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(unshare(CLONE_NEWPID), 0);
    const CallContext call(kNoDeadline, [&] {
      if (unreaped < 0 && (unreaped = fork()) == 0) _exit(0);
      setns(ours.get(), CLONE_NEWPID);  // otherwise this thread could not start another
      return true;
    });
    const auto start = MonoClock::now();
    status = RunCommand(Shell("exec sleep 60"), call).status();
    took = MonoClock::now() - start;
  }).join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
  EXPECT_GE(took, std::chrono::seconds(2));
  EXPECT_LT(took, std::chrono::seconds(10));
  ASSERT_EQ(waitpid(unreaped, nullptr, 0), unreaped);
  const auto has_child = [] {
    siginfo_t info{};
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
  };
  EXPECT_TRUE(Eventually([&] { return !has_child(); })) << "a child that was left behind is not reaped";
}

TEST(ProcessTest, AChildThatHoldsThePipeIsNotWaitedFor) {
  const auto start = MonoClock::now();
  const CommandResult result = *RunCommand(Shell("sleep 5 & echo $!"), CallContext());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_LT(MonoClock::now() - start, std::chrono::seconds(3));
  pid_t pid = 0;
  ASSERT_TRUE(absl::SimpleAtoi(absl::StripAsciiWhitespace(result.output), &pid));
  kill(pid, SIGKILL);
}

TEST(ProcessTest, ChildrenHaveTheDescriptorLimitOfBeforeItWasRaised) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit low{limit.rlim_max / 2, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  RaiseDescriptorLimit();
  const CommandResult result = *RunCommand(Shell("sleep 0.2; ulimit -Sn"), CallContext());
  EXPECT_EQ(result.output, std::to_string(low.rlim_cur) + "\n");
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, limit.rlim_max);
}

// glibc's posix_spawn(3) has children ignore 32 and 33, which it keeps for itself.
TEST(ProcessTest, ChildrenIgnoreNoSignal) {
  EXPECT_EQ(RunCommand(Shell("grep SigIgn /proc/self/status"), CallContext())->output, "SigIgn:\t0000000000000000\n");
}

TEST(ProcessTest, OutputBeyondTheLimitIsDropped) {
  Command command = Shell("head -c 100000 /dev/zero");
  command.output_limit = 1000;
  const CommandResult result = *RunCommand(command, CallContext());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output.size(), 1000u);
}

TEST(ProcessTest, AChildThatDoesNotReadItsInputHarmsNobody) {
  Command command = Shell("exec <&-; sleep 0.1; echo done");
  command.input = std::string(1 << 20, 'x');
  const CommandResult result = *RunCommand(command, CallContext());
  EXPECT_EQ(result.output, "done\n");
  EXPECT_EQ(result.exit_code, 0);
}

TEST(ProcessTest, AMissingProgramIsAnErrorThatNamesIt) {
  Command command;
  command.path = "/no/such/program";
  const absl::Status status = RunCommand(command, CallContext()).status();
  EXPECT_NE(status.message().find("/no/such/program"), absl::string_view::npos) << status;
}

TEST(ProcessTest, AChildSeesNoOtherDescriptor) {
  const Fd extra(dup(0));  // without O_CLOEXEC
  const CommandResult result = *RunCommand(Shell("ls /proc/self/fd"), CallContext());
  EXPECT_EQ(result.output, "0\n1\n2\n3\n") << "3 is the directory that ls reads";
}

}  // namespace
}  // namespace crisp
