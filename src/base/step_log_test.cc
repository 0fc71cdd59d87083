#include "base/step_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/testing/captured_log.h"
#include "base/testing/json_lines.h"

namespace crisp {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr LogOptions kDebugJson = {.level = LogLevel::kDebug, .format = LogFormat::kJson};
constexpr LogOptions kInfoJson = {.format = LogFormat::kJson};

MonoTime Ago(std::chrono::milliseconds time) {
  return MonoClock::now() - time;
}

TEST(StepLogTest, AStepIsADebugLineWithTheFieldsOfTheOperation) {
  const CapturedLog captured(kDebugJson);
  StepLog log("RunPodSandbox", {{"namespace", "default"}, {"pod", "web-0"}});
  log.Done("create netns");
  log.Add("pod_id", "abc");
  log.Done("run CNI");
  const auto lines = JsonLines(captured);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(lines[0].at("level"), "debug");
  EXPECT_EQ(lines[0].at("msg"), "step");
  EXPECT_EQ(lines[0].at("operation"), "RunPodSandbox");
  EXPECT_EQ(lines[0].at("step"), "create netns");
  EXPECT_EQ(lines[0].at("namespace"), "default");
  EXPECT_EQ(lines[0].at("pod"), "web-0");
  EXPECT_FALSE(lines[0].contains("pod_id"));
  EXPECT_EQ(lines[1].at("step"), "run CNI");
  EXPECT_EQ(lines[1].at("pod_id"), "abc");
}

TEST(StepLogTest, AStepHasFieldsOfItsOwn) {
  const CapturedLog captured(kDebugJson);
  {
    StepLog log("PullImage", {{"image", "busybox"}}, Ago(std::chrono::milliseconds(1500)));
    log.Done("fetch", Ago(std::chrono::milliseconds(1400)), {{"layer", "one"}});
    log.Done("fetch", Ago(std::chrono::milliseconds(100)), {{"layer", "two"}});
    log.Done("record", MonoClock::now());
  }
  const auto lines = JsonLines(captured);
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_EQ(lines[0].at("layer"), "one");
  EXPECT_EQ(lines[0].at("image"), "busybox");
  EXPECT_EQ(lines[1].at("layer"), "two");
  EXPECT_FALSE(lines[2].contains("layer"));
  EXPECT_EQ(lines[3].at("slowest_step"), "fetch");
  EXPECT_EQ(lines[3].at("layer"), "one");
}

TEST(StepLogTest, AStepTakesFromTheEndOfTheOneBefore) {
  const CapturedLog captured(kDebugJson);
  StepLog log("StopPodSandbox", {}, Ago(std::chrono::milliseconds(500)));
  log.Done("kill");
  log.Done("unmount");
  log.Done("elsewhere", Ago(std::chrono::milliseconds(300)));
  const auto lines = JsonLines(captured);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_GE(lines[0].at("ms").get<double>(), 500);
  EXPECT_LT(lines[1].at("ms").get<double>(), 500);
  EXPECT_GE(lines[2].at("ms").get<double>(), 300);
}

TEST(StepLogTest, AFastOperationThatSucceedsWritesNothingAboveDebug) {
  const CapturedLog captured(kInfoJson);
  StepLog log("StopContainer", {});
  log.Done("kill");
  log.Finish(absl::OkStatus());
  EXPECT_THAT(JsonLines(captured), IsEmpty());
}

TEST(StepLogTest, ASlowOperationNamesItsSlowestStepOnce) {
  const CapturedLog captured(kInfoJson);
  {
    StepLog log("StopContainer", {{"container_id", "c1"}}, Ago(std::chrono::seconds(2)));
    log.Done("wait for exit");
    log.Done("unmount", Ago(std::chrono::milliseconds(5)));
    log.Finish(absl::OkStatus());
  }
  const auto lines = JsonLines(captured);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].at("level"), "info");
  EXPECT_EQ(lines[0].at("msg"), "operation took long");
  EXPECT_EQ(lines[0].at("operation"), "StopContainer");
  EXPECT_EQ(lines[0].at("slowest_step"), "wait for exit");
  EXPECT_EQ(lines[0].at("container_id"), "c1");
  EXPECT_GE(lines[0].at("ms").get<double>(), 2000);
  EXPECT_GE(lines[0].at("slowest_step_ms").get<double>(), 2000);
}

TEST(StepLogTest, TheDestructorFinishes) {
  const CapturedLog captured(kInfoJson);
  { const StepLog log("RemovePodSandbox", {}, Ago(std::chrono::seconds(2))); }
  ASSERT_THAT(JsonLines(captured), SizeIs(1));
  EXPECT_EQ(JsonLines(captured)[0].at("msg"), "operation took long");
}

TEST(StepLogTest, AFastFailureIsLeftToTheCaller) {
  const CapturedLog captured(kInfoJson);
  StepLog log("CreateContainer", {});
  log.Finish(absl::InternalError("no space"));
  EXPECT_THAT(JsonLines(captured), IsEmpty());
}

TEST(StepLogTest, ASlowFailureNamesItsErrorAndTheStepThatWasNotDone) {
  const CapturedLog captured(kInfoJson);
  StepLog log("CreateContainer", {}, Ago(std::chrono::seconds(2)));
  log.Done("find image", Ago(std::chrono::hours(-1)));  // shorter than any
  log.Finish(absl::InternalError("no space"));
  const auto line = JsonLines(captured).at(0);
  EXPECT_EQ(line.at("error"), "no space");
  EXPECT_EQ(line.at("slowest_step"), "after find image");
}

TEST(StepLogTest, ThreadsShareOne) {
  const CapturedLog captured(kDebugJson);
  StepLog log("RunPodSandbox", {});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&log] {
      for (int step = 0; step < 50; ++step) log.Done("step");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(JsonLines(captured), SizeIs(200));
}

}  // namespace
}  // namespace crisp
