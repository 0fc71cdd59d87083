#include "monitor/slow_operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/step_log.h"
#include "base/testing/captured_log.h"
#include "base/testing/wait.h"
#include "monitor/operations_text.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(SlowOperationsTest, AWarningComesAtEachAgeWithWhatItWaitsFor) {
  const CapturedLog log;
  const auto watch = *SlowOperations::Start({milliseconds(200), milliseconds(400)});
  StepLog slow("RunPodSandbox", {{"pod", "web-0"}});
  slow.Done("create netns");
  { const StepLog fast("StopContainer", {{"pod", "fast"}}); }
  const ProcessWait wait(CallContext().LoggedIn(&slow), getpid());
  ASSERT_TRUE(Eventually([&] { return Count(log.Text(), "operation takes long") == 2; }));
  EXPECT_THAT(log.Text(), AllOf(HasSubstr("operation=RunPodSandbox"), HasSubstr("pod=web-0"),
                                HasSubstr("last_step=\"create netns\""),
                                HasSubstr(absl::StrCat(getpid(), " monitor_test")), Not(HasSubstr("fast"))));
  StepLog later("PullImage", {});
  ASSERT_TRUE(Eventually([&] { return Count(log.Text(), "operation=PullImage") == 2; }));
  EXPECT_EQ(Count(log.Text(), "operation=RunPodSandbox"), 2u) << "after the last age it is left alone";
}

TEST(SlowOperationsTest, AnOperationThatBeginsWhileNothingElseIsInFlightIsSeen) {
  const CapturedLog log;
  const auto watch = *SlowOperations::Start({milliseconds(10)});
  for (int i = 1; i <= 3; ++i) {
    const StepLog slow("StartContainer", {{"try", absl::StrCat(i)}});
    EXPECT_TRUE(Eventually([&] { return Count(log.Text(), absl::StrCat("try=", i)) == 1; })) << i;
  }
}

TEST(OperationsTextTest, TheListNamesEachOperationAndItsProcesses) {
  EXPECT_EQ(OperationsJson(), "[]");
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  StepLog log("RunPodSandbox", {{"pod", "web-0"}});
  const CallContext call = CallContext().LoggedIn(&log);
  log.Done("plan");
  {
    const ProcessWait wait(call, child);
    ASSERT_TRUE(Eventually([] { return OperationsJson().find(R"("state":"S")") != std::string::npos; }));
    const nlohmann::json list = nlohmann::json::parse(OperationsJson());
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0]["operation"], "RunPodSandbox");
    EXPECT_EQ(list[0]["object"], nlohmann::json({{"pod", "web-0"}}));
    EXPECT_EQ(list[0]["last_step"], "plan");
    EXPECT_EQ(list[0]["age"].get<std::string>().back(), 's');
    EXPECT_EQ(list[0]["waits_for"][0]["pid"], child);
    EXPECT_EQ(list[0]["waits_for"][0]["command"], "monitor_test");
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_EQ(nlohmann::json::parse(OperationsJson())[0]["waits_for"], nlohmann::json({{{"pid", child}}}));
  }
  const CapturedLog lines;
  LogOperations();
  EXPECT_THAT(lines.Text(), AllOf(HasSubstr("operations in flight count=1"), HasSubstr("operation=RunPodSandbox")));
}

}  // namespace
}  // namespace crisp
