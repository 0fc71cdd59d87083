#include "network/orphans.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "gtest/gtest.h"
#include "os/file.h"
#include "os/process.h"

namespace crisp {
namespace {

// Other tests that run now look for theirs on the same machine.
const std::string kPod = "0f5a" + std::to_string(getpid());
const std::string kOtherPod = "0f5b" + std::to_string(getpid());
constexpr std::chrono::milliseconds kGrace{100};

// A shell that has started a child, as a plugin that calls iptables, and waits for it.
Child Plugin(const std::string& pod, const std::string& work = "sleep 1000") {
  auto child =
      SpawnDetached("/bin/sh", {"-c", work + " & wait"}, {"PATH=/bin", "CNI_CONTAINERID=" + pod}, {-1, -1, -1});
  EXPECT_TRUE(child.ok()) << child.status();
  // For a moment in the middle of execve(2) the kernel shows no environment.
  while (ReadFileAt(AT_FDCWD, "/proc/" + std::to_string(child->pid) + "/environ", 4096).value_or("").empty()) {
  }
  return *std::move(child);
}

bool Ended(const Child& child, int options) {
  siginfo_t info{};
  return waitid(P_PIDFD, static_cast<id_t>(child.pidfd.get()), &info, WEXITED | options) == 0 && info.si_pid != 0;
}

TEST(OrphansTest, ThoseOfThePodsEndAndNoOthers) {
  const Child orphan = Plugin(kPod);
  const Child other = Plugin(kOtherPod);
  EXPECT_TRUE(EndOrphanedPlugins({kPod, "0f5c"}, kGrace, Call::WithTimeout(std::chrono::seconds(10))).ok());
  EXPECT_TRUE(Ended(orphan, 0));
  EXPECT_FALSE(Ended(other, WNOHANG));
  EXPECT_TRUE(EndOrphanedPlugins({kOtherPod}, kGrace, Call::WithTimeout(std::chrono::seconds(10))).ok());
  EXPECT_TRUE(Ended(other, 0));
}

TEST(OrphansTest, WhatEndsInTimeIsNotKilled) {
  const Child orphan = Plugin(kPod, "(sleep 0.3; exit 0)");
  EXPECT_TRUE(EndOrphanedPlugins({kPod}, std::chrono::seconds(20), Call()).ok());
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PIDFD, static_cast<id_t>(orphan.pidfd.get()), &info, WEXITED | WNOHANG), 0);
  EXPECT_EQ(info.si_code, CLD_EXITED);
}

TEST(OrphansTest, NoneIsFine) {
  EXPECT_TRUE(EndOrphanedPlugins({}, kGrace, Call()).ok());
  EXPECT_TRUE(EndOrphanedPlugins({kPod}, kGrace, Call()).ok());
}

}  // namespace
}  // namespace crisp
