#include "os/process.h"

#include <gtest/gtest.h>

#include <csignal>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

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
  const CommandResult result = *RunCommand(command, Call());
  EXPECT_EQ(result.output, "hello");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.Describe(), "exit status 3: bad");
}

TEST(ProcessTest, ADeadlineKillsTheWholeGroup) {
  const auto start = MonoClock::now();
  const auto result = RunCommand(Shell("sleep 60 & echo $!; wait"), Call::WithTimeout(milliseconds(100)));
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_LT(MonoClock::now() - start, std::chrono::seconds(5));
}

TEST(ProcessTest, AChildThatHoldsThePipeIsNotWaitedFor) {
  const auto start = MonoClock::now();
  const CommandResult result = *RunCommand(Shell("sleep 5 & echo $!"), Call());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_LT(MonoClock::now() - start, std::chrono::seconds(3));
  pid_t pid = 0;
  ASSERT_TRUE(absl::SimpleAtoi(absl::StripAsciiWhitespace(result.output), &pid));
  kill(pid, SIGKILL);
}

TEST(ProcessTest, OutputBeyondTheLimitIsDropped) {
  Command command = Shell("head -c 100000 /dev/zero");
  command.output_limit = 1000;
  const CommandResult result = *RunCommand(command, Call());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output.size(), 1000u);
}

TEST(ProcessTest, AChildThatDoesNotReadItsInputHarmsNobody) {
  Command command = Shell("exec <&-; sleep 0.1; echo done");
  command.input = std::string(1 << 20, 'x');
  const CommandResult result = *RunCommand(command, Call());
  EXPECT_EQ(result.output, "done\n");
  EXPECT_EQ(result.exit_code, 0);
}

TEST(ProcessTest, AMissingProgramIsAnErrorThatNamesIt) {
  Command command;
  command.path = "/no/such/program";
  const absl::Status status = RunCommand(command, Call()).status();
  EXPECT_NE(status.message().find("/no/such/program"), absl::string_view::npos) << status;
}

TEST(ProcessTest, AChildSeesNoOtherDescriptor) {
  const Fd extra(dup(0));  // without O_CLOEXEC
  const CommandResult result = *RunCommand(Shell("ls /proc/self/fd"), Call());
  EXPECT_EQ(result.output, "0\n1\n2\n3\n") << "3 is the directory that ls reads";
}

TEST(ProcessTest, StartTimeIsThatOfTheProcess) {
  EXPECT_GT(*ProcessStartTime(getpid()), 0u);
  EXPECT_EQ(*ProcessStartTime(getpid()), *ProcessStartTime(getpid()));
  EXPECT_FALSE(ProcessStartTime(0x7ffffff0).ok());
}

}  // namespace
}  // namespace crisp
