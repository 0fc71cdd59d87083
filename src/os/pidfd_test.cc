#include "os/pidfd.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "os/process.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;

// A child that exits with `code`: a zombie, or about to be one.
pid_t ChildThatEndsWith(int code) {
  const pid_t pid = fork();
  if (pid == 0) _exit(code);
  return pid;
}

pid_t ChildThatWaits() {
  const pid_t pid = fork();
  if (pid == 0) {
    for (;;) pause();
  }
  return pid;
}

TEST(PidfdTest, AChildIsSignalledAwaitedAndReaped) {
  const Pidfd child = Pidfd::Open(ChildThatWaits());
  ASSERT_TRUE(child.valid());
  EXPECT_FALSE(child.Ended());
  EXPECT_FALSE(child.TryReap().has_value());
  EXPECT_EQ(child.Signal(SIGKILL), 0);
  EXPECT_TRUE(child.WaitUntil(kNoDeadline));
  const std::optional<ExitStatus> status = child.Reap();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->signal, SIGKILL);
  EXPECT_EQ(status->code, -1);
  EXPECT_EQ(status->ShellCode(), 128 + SIGKILL);
}

TEST(PidfdTest, ACodeIsNotASignal) {
  const Pidfd child = Pidfd::Open(ChildThatEndsWith(7));
  const std::optional<ExitStatus> status = child.Reap();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->code, 7);
  EXPECT_EQ(status->signal, 0);
  EXPECT_EQ(status->ShellCode(), 7);
}

TEST(PidfdTest, AReapedProcessHasEndedTakesNoSignalAndIsNotReapedTwice) {
  const Pidfd child = Pidfd::Open(ChildThatEndsWith(0));
  ASSERT_TRUE(child.Reap().has_value());
  EXPECT_TRUE(child.Ended());
  EXPECT_EQ(child.Signal(SIGTERM), ESRCH);
  EXPECT_FALSE(child.Reap().has_value());
  EXPECT_FALSE(child.TryReap().has_value());
}

TEST(PidfdTest, AZombieCanBeOpenedAndReaped) {
  const pid_t pid = ChildThatEndsWith(0);
  ASSERT_TRUE(Pidfd::Open(pid).WaitUntil(kNoDeadline));
  const Pidfd zombie = Pidfd::Open(pid);
  ASSERT_TRUE(zombie.valid());
  EXPECT_TRUE(zombie.Ended());
  EXPECT_EQ(zombie.Signal(SIGTERM), 0);
  EXPECT_TRUE(zombie.TryReap().has_value());
}

TEST(PidfdTest, NoProcessIsESRCH) {
  const pid_t pid = ChildThatEndsWith(0);
  ASSERT_TRUE(Pidfd::Open(pid).Reap().has_value());
  const Pidfd none = Pidfd::Open(pid);
  EXPECT_EQ(errno, ESRCH);
  EXPECT_FALSE(none.valid());
}

TEST(PidfdTest, AProcessThatIsNoChildIsAwaitedButNotReaped) {
  int lifeline[2];
  ASSERT_EQ(pipe(lifeline), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    const pid_t grandchild = fork();
    if (grandchild == 0) pause();
    [[maybe_unused]] const ssize_t n = write(lifeline[1], &grandchild, sizeof(grandchild));
    pause();
  }
  pid_t grandchild = -1;
  ASSERT_EQ(read(lifeline[0], &grandchild, sizeof(grandchild)), static_cast<ssize_t>(sizeof(grandchild)));
  const Pidfd process = Pidfd::Open(grandchild);
  EXPECT_EQ(process.Signal(SIGKILL), 0);
  EXPECT_TRUE(process.WaitUntil(kNoDeadline));
  EXPECT_FALSE(process.Reap().has_value());
  const Pidfd child = Pidfd::Open(parent);
  EXPECT_EQ(child.Signal(SIGKILL), 0);
  EXPECT_TRUE(child.Reap().has_value());
  for (const int end : lifeline) close(end);
}

TEST(PidfdTest, AWaitEndsAtItsDeadline) {
  const Pidfd child = Pidfd::Open(ChildThatWaits());
  const MonoTime start = MonoClock::now();
  EXPECT_FALSE(child.WaitUntil(start + milliseconds(50)));
  EXPECT_GE(MonoClock::now() - start, milliseconds(50));
  EXPECT_EQ(AwaitEnd(child, CallContext::WithTimeout(milliseconds(20))).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(AwaitEnd(child, CallContext(kNoDeadline, [] { return true; })).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(child.Signal(SIGKILL), 0);
  EXPECT_TRUE(AwaitEnd(child, CallContext()).ok());
  EXPECT_TRUE(child.Reap().has_value());
}

TEST(PidfdTest, ADuplicateNamesTheSameProcess) {
  Pidfd child = Pidfd::Open(ChildThatWaits());
  const Pidfd second = child.Duplicate();
  child.reset();
  EXPECT_FALSE(child.valid());
  EXPECT_EQ(second.Signal(SIGKILL), 0);
  EXPECT_TRUE(second.Reap().has_value());
  EXPECT_FALSE(Pidfd().Duplicate().valid());
}

}  // namespace
}  // namespace crisp
