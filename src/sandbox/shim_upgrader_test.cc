// The next daemon brings the shims of the last one to the program that is installed.
#include "sandbox/shim_upgrader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/call_context.h"
#include "base/testing/wait.h"
#include "sandbox/pod.h"
#include "sandbox/sandbox_counters.h"
#include "sandbox/testing/fake_node.h"

namespace crisp {
namespace {

class ShimUpgraderTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_EQ(node_.StartDaemon(), absl::OkStatus());
    for (const char* name : {"one", "two", "three"}) {
      const auto pod = node_.RunPod(name);
      ASSERT_EQ(pod.status(), absl::OkStatus());
      pods_.push_back(*pod);
    }
  }

  bool AllRun(const std::string& build) {
    return std::all_of(pods_.begin(), pods_.end(),
                       [&](const std::string& pod) { return node_.shims().BuildOf(pod) == build; });
  }
  uint64_t upgrades() { return node_.pods().counters().shim_upgrades.value(); }
  uint64_t failures() { return node_.pods().counters().shim_upgrade_failures.value(); }
  void RemoveAll() {
    EXPECT_EQ(node_.RemoveAllPods(), absl::OkStatus());
    EXPECT_EQ(node_.Leftovers(), "");
  }

  FakeNode node_;
  std::vector<std::string> pods_;
};

TEST_F(ShimUpgraderTest, ShimsOfTheInstalledBuildAreLeftAlone) {
  ASSERT_EQ(node_.StartDaemon(), absl::OkStatus());
  EXPECT_TRUE(Throughout(std::chrono::milliseconds(100), [&] { return node_.steps().times("upgrade shim") == 0; }));
  RemoveAll();
}

TEST_F(ShimUpgraderTest, OthersAreUpgradedAfterTheStart) {
  node_.shims().Install("build 2");
  ASSERT_EQ(node_.StartDaemon(), absl::OkStatus());
  EXPECT_TRUE(Eventually([&] { return AllRun("build 2") && upgrades() == 3; }));
  EXPECT_EQ(failures(), 0u);
  RemoveAll();
}

TEST_F(ShimUpgraderTest, TheStartDoesNotWaitForThem) {
  node_.shims().Install("build 2");
  ASSERT_EQ(node_.StartDaemonAtOnce([this] { node_.steps().HoldAt("upgrade shim"); }), absl::OkStatus());
  ASSERT_TRUE(node_.steps().WaitHeld());
  EXPECT_EQ(node_.RunPod("new").status(), absl::OkStatus());
  node_.steps().Release();
  EXPECT_TRUE(Eventually([&] { return AllRun("build 2") && upgrades() == 3; }));
  RemoveAll();
}

TEST_F(ShimUpgraderTest, AFailureIsCountedAndHarmsNobody) {
  node_.shims().Install("build 2");
  ASSERT_EQ(node_.StartDaemonAtOnce([this] {
    node_.steps().CallAt("upgrade shim", [this] { node_.steps().Plan(Steps::Fault::kBefore, 1); });
  }),
            absl::OkStatus());
  EXPECT_TRUE(Eventually([&] { return upgrades() == 2 && failures() == 1; }))
      << upgrades() << " upgrades, " << failures() << " failures";
  RemoveAll();
}

TEST_F(ShimUpgraderTest, ABusyShimIsAskedAgainAndADaemonThatEndsDoesNotWait) {
  const PodTable& table = node_.table();
  SandboxCounters counters;
  node_.shims().Install("build 2");
  node_.shims().BeBusyForUpgrades(4);
  {
    ShimUpgrader upgrader(&table, &node_.shims(), &counters, "/crisp-shim");
    upgrader.set_first_pause(std::chrono::milliseconds(1));
    upgrader.Begin();
    EXPECT_TRUE(Eventually([&] { return AllRun("build 2") && counters.shim_upgrades.value() == 3; }));
  }
  EXPECT_EQ(counters.shim_upgrade_failures.value(), 0u);
  node_.shims().Install("build 3");
  node_.shims().BeBusyForUpgrades(1000);
  const MonoTime begin = MonoClock::now();
  {
    ShimUpgrader upgrader(&table, &node_.shims(), &counters, "/crisp-shim");
    upgrader.set_first_pause(std::chrono::hours(1));
    upgrader.Begin();
    EXPECT_TRUE(Eventually([&] { return node_.steps().times("upgrade shim") >= 10; }));
  }
  EXPECT_LT(MonoClock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(counters.shim_upgrade_failures.value(), 0u);
  RemoveAll();
}

TEST_F(ShimUpgraderTest, AShimThatStaysBusyIsGivenUp) {
  SandboxCounters counters;
  node_.shims().Install("build 2");
  node_.shims().BeBusyForUpgrades(1000);
  ShimUpgrader upgrader(&node_.table(), &node_.shims(), &counters, "/crisp-shim");
  upgrader.set_first_pause(std::chrono::milliseconds(1));
  upgrader.Begin();
  EXPECT_TRUE(Eventually([&] { return counters.shim_upgrade_failures.value() == 3; }));
  EXPECT_EQ(node_.steps().times("upgrade shim"), 3 * ShimUpgrader::kRounds);
  EXPECT_TRUE(AllRun("build 1"));
  RemoveAll();
}

}  // namespace
}  // namespace crisp
