// StopContainer: the stop signal and the grace.
#include "sandbox/stop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "base/call_context.h"
#include "sandbox/container.h"
#include "sandbox/testing/fake_node.h"

namespace crisp {
namespace {

// A running container that does not end by a signal.
class StopContainerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_EQ(node_.StartDaemon(), absl::OkStatus());
    const auto pod = node_.RunPod();
    ASSERT_EQ(pod.status(), absl::OkStatus());
    container_ = *node_.CreateContainer(*pod);
    ASSERT_EQ(node_.pods().StartContainer(container_, InTime()), absl::OkStatus());
    node_.shims().IgnoreSignals();
  }

  // A client that gives up before the grace is over.
  void StopImpatiently() {
    const CallContext impatient = CallContext::WithTimeout(std::chrono::milliseconds(20));
    EXPECT_FALSE(node_.pods().StopContainer(container_, 60, impatient).ok());
    EXPECT_EQ(node_.steps().times("signal"), 1);
    EXPECT_EQ(node_.steps().times("kill all"), 0);
  }

  bool Running() { return node_.table().FindContainer(container_)->container->running(); }

  FakeNode node_;
  std::string container_;
};

TEST_F(StopContainerTest, ARepeatedCallDoesNotSendTheStopSignalAgain) {
  StopImpatiently();
  const MonoTime start = MonoClock::now();
  EXPECT_EQ(node_.pods().StopContainer(container_, 1, InTime()), absl::OkStatus());
  EXPECT_GE(MonoClock::now() - start, std::chrono::seconds(1)) << "it has a grace of its own";
  EXPECT_EQ(node_.steps().times("signal"), 1);
  EXPECT_EQ(node_.steps().times("kill all"), 1);
  EXPECT_FALSE(Running());
}

TEST_F(StopContainerTest, NorDoesAnotherDaemon) {
  StopImpatiently();
  ASSERT_EQ(node_.StartDaemon(), absl::OkStatus());
  EXPECT_EQ(node_.pods().StopContainer(container_, 1, InTime()), absl::OkStatus());
  EXPECT_EQ(node_.steps().times("signal"), 1);
  EXPECT_FALSE(Running());
}

TEST_F(StopContainerTest, AShorterGraceOfALaterCallEndsIt) {
  StopImpatiently();
  EXPECT_EQ(node_.pods().StopContainer(container_, 0, InTime()), absl::OkStatus());
  EXPECT_EQ(node_.steps().times("signal"), 1);
  EXPECT_FALSE(Running());
}

TEST_F(StopContainerTest, ANegativeGraceIsNone) {
  EXPECT_EQ(node_.pods().StopContainer(container_, -1, InTime()), absl::OkStatus());
  EXPECT_EQ(node_.steps().times("signal"), 0);
  EXPECT_EQ(node_.steps().times("kill all"), 1);
  EXPECT_FALSE(Running());
}

// A signal that could not be sent counts as not sent.
TEST_F(StopContainerTest, ASignalThatFailedIsSentByTheNextCall) {
  node_.steps().Plan(Steps::Fault::kBefore, 1);
  EXPECT_FALSE(node_.pods().StopContainer(container_, 1, InTime()).ok());
  node_.steps().Heal();
  EXPECT_TRUE(Running());
  EXPECT_EQ(node_.pods().StopContainer(container_, 1, InTime()), absl::OkStatus());
  EXPECT_EQ(node_.steps().times("signal"), 2);
  EXPECT_FALSE(Running());
}

}  // namespace
}  // namespace crisp
