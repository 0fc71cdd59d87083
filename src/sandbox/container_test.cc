#include "sandbox/container.h"

#include <gtest/gtest.h>

#include <future>

namespace crisp {
namespace {

using std::chrono::milliseconds;

ContainerRecord Record() {
  ContainerRecord record;
  record.set_id("c");
  record.set_pod_id("p");
  return record;
}

TEST(ContainerTest, AnExitThatOvertakesTheStartIsNotSeenBeforeIt) {
  Container container(Record());
  container.Exited({3, 200, false});
  EXPECT_EQ(container.view().state, cri::CONTAINER_CREATED);
  container.Started({7, 100});
  const ContainerView view = container.view();
  EXPECT_EQ(view.state, cri::CONTAINER_EXITED);
  EXPECT_EQ(view.started_at, 100);
  EXPECT_EQ(view.finished_at, 200);
  EXPECT_EQ(view.exit_code, 3);
  EXPECT_EQ(view.reason, "Error");
}

TEST(ContainerTest, AnEndIsFinal) {
  Container container(Record());
  container.Started({7, 100});
  ContainerRecord::End end;
  end.set_exit_code(kExitCodeUnknown);
  end.set_finished_at(300);
  end.set_reason(kReasonUnknown);
  container.Ended(end);
  end.set_exit_code(1);
  container.Ended(end);
  EXPECT_EQ(container.view().exit_code, kExitCodeUnknown);
  EXPECT_EQ(container.view().reason, kReasonUnknown);
}

TEST(ContainerTest, TheFirstExitCounts) {
  Container container(Record());
  container.Started({7, 100});
  container.Exited({0, 200, false});
  container.Exited({1, 300, false});
  EXPECT_EQ(container.view().exit_code, 0);
}

TEST(ContainerTest, ReasonsAreThoseThatTheKubeletKnows) {
  EXPECT_EQ(ExitReason({0, 1, false}), "Completed");
  EXPECT_EQ(ExitReason({2, 1, false}), "Error");
  EXPECT_EQ(ExitReason({137, 1, true}), "OOMKilled");
}

TEST(ContainerTest, WaitersAreWokenByTheExit) {
  Container container(Record());
  container.Started({7, 100});
  auto waiter = std::async(std::launch::async, [&] { return container.WaitExited(Call()); });
  EXPECT_EQ(container.WaitExited(Call::WithTimeout(milliseconds(10))).code(), absl::StatusCode::kDeadlineExceeded);
  container.Exited({0, 200, false});
  EXPECT_TRUE(waiter.get().ok());
}

}  // namespace
}  // namespace crisp
