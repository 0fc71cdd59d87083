// The start of a daemon while something of the last one is half done, and its removal hangs.
#include "sandbox/recovery.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <future>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/testing/wait.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/testing/fake_node.h"

namespace crisp {
namespace {

class RecoveryTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_EQ(node_.StartDaemon(), absl::OkStatus());
  }

  // The daemon dies at the step of this name.
  void DieAt(const std::string& step, const std::function<void()>& operation) {
    node_.steps().CallAt(step, [this] { node_.KillDaemon(); });
    operation();
    ASSERT_TRUE(node_.steps().reached()) << "there is no step " << step;
  }

  FakeNode node_;
};

TEST_F(RecoveryTest, AStartDoesNotWaitForAPodThatIsUndone) {
  const auto other = node_.RunPod("other");
  ASSERT_EQ(other.status(), absl::OkStatus());
  DieAt("attach network", [this] { (void)node_.RunPod("half"); });
  ASSERT_EQ(node_.StartDaemonAtOnce([this] { node_.steps().HoldAt("detach network"); }), absl::OkStatus());
  ASSERT_TRUE(node_.steps().WaitHeld());
  EXPECT_TRUE((*node_.table().FindPod(*other))->ready());
  EXPECT_EQ(node_.RunPod("new").status(), absl::OkStatus());
  for (const PodPtr& pod : node_.table().All()) {
    EXPECT_EQ(pod->visible(), pod->record().config().metadata().name() != "half") << "it was never acknowledged";
  }
  node_.steps().Release();
  ASSERT_TRUE(Eventually([this] { return !node_.HasHalfDone(); }));
  EXPECT_EQ(node_.Contradictions(), "");
  EXPECT_EQ(node_.RemoveAllPods(), absl::OkStatus());
  EXPECT_EQ(node_.Leftovers(), "");
}

TEST_F(RecoveryTest, ARunOfTheSameNameWaitsForTheUndo) {
  DieAt("attach network", [this] { (void)node_.RunPod("half"); });
  ASSERT_EQ(node_.StartDaemonAtOnce([this] { node_.steps().HoldAt("detach network"); }), absl::OkStatus());
  ASSERT_TRUE(node_.steps().WaitHeld());
  auto again = std::async(std::launch::async, [this] { return node_.RunPod("half").status(); });
  EXPECT_EQ(again.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  node_.steps().Release();
  EXPECT_EQ(again.get(), absl::OkStatus());
  EXPECT_EQ(node_.RemoveAllPods(), absl::OkStatus());
  EXPECT_EQ(node_.Leftovers(), "");
}

TEST_F(RecoveryTest, AStartDoesNotWaitForTheRemovalOfAContainer) {
  const auto pod = node_.RunPod();
  ASSERT_EQ(pod.status(), absl::OkStatus());
  DieAt("release rootfs", [&] {
    const auto container = node_.CreateContainer(*pod, "app");
    if (container.ok()) node_.pods().RemoveContainer(*container, InTime()).IgnoreError();
  });
  ASSERT_EQ(node_.StartDaemonAtOnce([this] { node_.steps().HoldAt("release rootfs"); }), absl::OkStatus());
  ASSERT_TRUE(node_.steps().WaitHeld());
  EXPECT_TRUE((*node_.table().FindPod(*pod))->ready());
  const auto other = node_.CreateContainer(*pod, "other");
  ASSERT_EQ(other.status(), absl::OkStatus());
  EXPECT_EQ(node_.pods().StartContainer(*other, InTime()), absl::OkStatus());
  node_.steps().Release();
  ASSERT_TRUE(Eventually([this] { return !node_.HasHalfDone(); }));
  EXPECT_EQ(node_.RemoveAllPods(), absl::OkStatus());
  EXPECT_EQ(node_.Leftovers(), "");
}

}  // namespace
}  // namespace crisp
