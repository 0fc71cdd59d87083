// What happens to pods, containers and shims is counted once, whoever sees it.
#include "sandbox/sandbox_counters.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <string>

#include "base/call_context.h"
#include "base/testing/counted.h"
#include "base/testing/wait.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/testing/fake_node.h"

namespace crisp {
namespace {

// A pod with a running container.
class SandboxCountersTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_EQ(node_.StartDaemon(), absl::OkStatus());
    const auto pod = node_.RunPod();
    ASSERT_EQ(pod.status(), absl::OkStatus());
    pod_ = *pod;
    container_ = *node_.CreateContainer(pod_);
    ASSERT_EQ(node_.pods().StartContainer(container_, InTime()), absl::OkStatus());
  }

  const SandboxCounters& counters() { return node_.pods().counters(); }
  uint64_t Exits(const std::string& reason) { return Counted(counters().container_exits, reason); }
  PodPtr ThePod() { return node_.table().ById(pod_); }

  FakeNode node_;
  std::string pod_;
  std::string container_;
};

TEST_F(SandboxCountersTest, StartsAreCounted) {
  EXPECT_EQ(counters().pod_starts.value(), 1u);
  EXPECT_EQ(counters().shim_starts.value(), 1u);
  EXPECT_EQ(counters().container_starts.value(), 1u) << "the pause container is none";
  EXPECT_EQ(node_.pods().StartContainer(container_, InTime()), absl::OkStatus());
  EXPECT_EQ(counters().container_starts.value(), 1u) << "it runs already";
}

TEST_F(SandboxCountersTest, AnExitIsCountedByItsReason) {
  node_.shims().Exit(container_, 3);
  EXPECT_EQ(Exits("Error"), 1u);
  EXPECT_EQ(node_.pods().StopPod(pod_, InTime()), absl::OkStatus());
  EXPECT_EQ(node_.pods().RemovePod(pod_, InTime()), absl::OkStatus());
  EXPECT_EQ(Exits("Error"), 1u);
  EXPECT_EQ(counters().pause_exits.value(), 0u) << "the pod was stopped";
  EXPECT_EQ(counters().shim_deaths.value(), 0u);
}

TEST_F(SandboxCountersTest, KillsOfTheOomKillerAreCountedAsTheShimTellsTheirSum) {
  ThePod()->OnOomKill(container_, 2);
  ThePod()->OnOomKill(container_, 5);
  ThePod()->OnOomKill(container_, 5);
  EXPECT_EQ(counters().oom_kills.value(), 5u);
}

TEST_F(SandboxCountersTest, ADeadShimAndItsContainersAreCounted) {
  node_.shims().Die(pod_);
  EXPECT_TRUE(Eventually([this] { return Exits("Unknown") == 1; }));
  EXPECT_EQ(counters().shim_deaths.value(), 1u);
}

TEST_F(SandboxCountersTest, APauseContainerThatExitsIsCounted) {
  node_.shims().Exit(pod_, 1);
  EXPECT_EQ(counters().pause_exits.value(), 1u);
}

TEST_F(SandboxCountersTest, TheNextDaemonCountsTheShimThatItTakesOver) {
  ASSERT_EQ(node_.StartDaemon(), absl::OkStatus());
  EXPECT_EQ(counters().shim_reconnects.value(), 1u);
  EXPECT_EQ(counters().shim_starts.value(), 0u);
  EXPECT_EQ(counters().container_starts.value(), 0u);
}

TEST_F(SandboxCountersTest, ARepeatedRequestThatJoinsIsCountedByItsOperation) {
  node_.steps().HoldAt("detach network");
  auto first = std::async(std::launch::async, [this] { return node_.pods().StopPod(pod_, InTime()); });
  ASSERT_TRUE(node_.steps().WaitHeld());
  auto second = std::async(std::launch::async, [this] { return node_.pods().StopPod(pod_, InTime()); });
  EXPECT_TRUE(Eventually([this] { return Counted(counters().joined, "StopPodSandbox") == 1; }));
  node_.steps().Release();
  EXPECT_EQ(first.get(), absl::OkStatus());
  EXPECT_EQ(second.get(), absl::OkStatus());
  EXPECT_EQ(Counted(counters().joined, "RunPodSandbox"), 0u);
}

}  // namespace
}  // namespace crisp
