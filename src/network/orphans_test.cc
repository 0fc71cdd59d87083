#include "network/orphans.h"

#include <fcntl.h>
#include <unistd.h>

#include <optional>

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

TEST(OrphansTest, ThoseOfThePodsEndAndNoOthers) {
  const Child orphan = Plugin(kPod);
  const Child other = Plugin(kOtherPod);
  EXPECT_TRUE(EndOrphanedPlugins({kPod, "0f5c"}, kGrace, CallContext::WithTimeout(std::chrono::seconds(10))).ok());
  EXPECT_TRUE(orphan.pidfd.Reap().has_value());
  EXPECT_FALSE(other.pidfd.Ended());
  EXPECT_TRUE(EndOrphanedPlugins({kOtherPod}, kGrace, CallContext::WithTimeout(std::chrono::seconds(10))).ok());
  EXPECT_TRUE(other.pidfd.Reap().has_value());
}

TEST(OrphansTest, WhatEndsInTimeIsNotKilled) {
  const Child orphan = Plugin(kPod, "(sleep 0.3; exit 0)");
  EXPECT_TRUE(EndOrphanedPlugins({kPod}, std::chrono::seconds(20), CallContext()).ok());
  const std::optional<ExitStatus> status = orphan.pidfd.TryReap();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->signal, 0);
}

TEST(OrphansTest, NoneIsFine) {
  EXPECT_TRUE(EndOrphanedPlugins({}, kGrace, CallContext()).ok());
  EXPECT_TRUE(EndOrphanedPlugins({kPod}, kGrace, CallContext()).ok());
}

}  // namespace
}  // namespace crisp
