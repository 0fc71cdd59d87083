#include "base/operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/call_context.h"
#include "base/step_log.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

std::vector<OperationView> View() {
  return Operations::All().View();
}

TEST(OperationsTest, AnOperationIsThereAsLongAsItsLog) {
  EXPECT_THAT(View(), IsEmpty());
  StepLog first("RunPodSandbox", {{"pod", "web-0"}});
  first.Done("create netns");
  first.Add("pod_id", "abc");
  {
    const StepLog second("PullImage", {});
    const std::vector<OperationView> views = View();
    ASSERT_THAT(views, SizeIs(2));
    EXPECT_EQ(views[0].operation, "RunPodSandbox");
    EXPECT_THAT(views[0].fields, ElementsAre(Pair("pod", "web-0"), Pair("pod_id", "abc")));
    EXPECT_EQ(views[0].last_step, "create netns");
    EXPECT_GE(views[0].last_done, views[0].begun);
    EXPECT_EQ(views[1].operation, "PullImage");
    EXPECT_EQ(views[1].last_step, "");
    EXPECT_EQ(views[1].last_done, views[1].begun);
    EXPECT_GT(views[1].id, views[0].id);
  }
  EXPECT_THAT(View(), SizeIs(1));
}

TEST(OperationsTest, TheProcessesThatItsThreadsWaitForAreNamed) {
  StepLog log("RunPodSandbox", {});
  const CallContext call = CallContext().LoggedIn(&log);
  const ProcessWait one(call, 11);
  std::thread([&] {
    const ProcessWait two(call, 22);
    EXPECT_THAT(View().at(0).waits_for, UnorderedElementsAre(11, 22));
  }).join();
  EXPECT_THAT(View().at(0).waits_for, ElementsAre(11));
  const ProcessWait of_nobody(CallContext(), 33);
  EXPECT_THAT(View().at(0).waits_for, ElementsAre(11));
}

TEST(OperationsTest, TheListenerHearsOfAnOperationThatIsTheOnlyOne) {
  int heard = 0;
  Operations::All().SetListener([&heard] { ++heard; });
  {
    const StepLog first("StopContainer", {});
    const StepLog second("StopContainer", {});
    EXPECT_EQ(heard, 1);
  }
  { const StepLog third("StopContainer", {}); }
  EXPECT_EQ(heard, 2);
  Operations::All().SetListener(nullptr);
  const StepLog fourth("StopContainer", {});
  EXPECT_EQ(heard, 2);
}

}  // namespace
}  // namespace crisp
