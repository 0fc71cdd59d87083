#include "sandbox/pod_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/testing/captured_log.h"
#include "base/testing/json_lines.h"
#include "base/testing/wait.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/testing/fake_node.h"

namespace crisp {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::IsEmpty;
using testing::Not;

constexpr LogOptions kDebugJson = {.level = LogLevel::kDebug, .format = LogFormat::kJson};
constexpr LogOptions kInfoJson = {.format = LogFormat::kJson};

// The lines whose message is `message`.
std::vector<json> Lines(const CapturedLog& log, const std::string& message) {
  std::vector<json> lines = JsonLines(log);
  std::erase_if(lines, [&message](const json& line) { return line.at("msg") != message; });
  return lines;
}

std::vector<std::string> StepsOf(const CapturedLog& log, const std::string& operation) {
  std::vector<std::string> steps;
  for (const json& line : Lines(log, "step")) {
    if (line.at("operation") == operation) steps.push_back(line.at("step"));
  }
  return steps;
}

void ExpectNamesPod(const json& line, const std::string& pod_id) {
  EXPECT_EQ(line.at("namespace"), "default") << line;
  EXPECT_EQ(line.at("pod"), "web") << line;
  EXPECT_EQ(line.at("uid"), "uid-web") << line;
  EXPECT_EQ(line.at("attempt"), "0") << line;
  EXPECT_EQ(line.at("pod_id"), pod_id) << line;
}

void ExpectNamesContainer(const json& line, const std::string& container_id) {
  EXPECT_EQ(line.at("container"), "app") << line;
  EXPECT_EQ(line.at("container_attempt"), "0") << line;
  EXPECT_EQ(line.at("container_id"), container_id) << line;
}

PodPtr AnyPod() {
  PodRecord record;
  record.set_id("pod-1");
  cri::PodSandboxMetadata& name = *record.mutable_config()->mutable_metadata();
  name.set_namespace_("default");
  name.set_name("web");
  name.set_uid("uid-web");
  return std::make_shared<Pod>(std::move(record), OciRuntime{}, nullptr);
}

ContainerPtr ExitedContainer(const ContainerExit& exit) {
  ContainerRecord record;
  record.set_id("container-1");
  record.mutable_config()->mutable_metadata()->set_name("app");
  auto container = std::make_shared<Container>(std::move(record), Container::State::kStarting);
  container->Start({42, 1'000'000'000});
  container->Exit(exit);
  return container;
}

json ExitLine(const ContainerExit& exit) {
  const CapturedLog log(kInfoJson);
  LogExit(*AnyPod(), *ExitedContainer(exit));
  const std::vector<json> lines = Lines(log, "container exited");
  return lines.size() == 1 ? lines.front() : json();
}

TEST(LogExitTest, SaysCodeReasonAndHowLongItRan) {
  const json line = ExitLine({.exit_code = 3, .finished_at = 3'500'000'000});
  EXPECT_EQ(line.at("level"), "info");
  ExpectNamesPod(line, "pod-1");
  ExpectNamesContainer(line, "container-1");
  EXPECT_EQ(line.at("exit_code"), 3);
  EXPECT_EQ(line.at("reason"), "Error");
  EXPECT_EQ(line.at("ran_ms"), 2500);
  EXPECT_FALSE(line.contains("signal"));
}

TEST(LogExitTest, NamesTheSignal) {
  EXPECT_EQ(ExitLine({.exit_code = 143, .finished_at = 2'000'000'000}).at("signal"), "SIGNAL_SIGTERM");
}

TEST(LogExitTest, AnOomKillIsAWarning) {
  const json line = ExitLine({.exit_code = 137, .finished_at = 2'000'000'000, .oom_killed = true});
  EXPECT_EQ(line.at("level"), "warning");
  EXPECT_EQ(line.at("reason"), "OOMKilled");
  EXPECT_EQ(line.at("signal"), "SIGNAL_SIGKILL");
}

TEST(PodLogTest, EachStepOfEachOperationNamesItsPodAndContainer) {
  FakeNode node;
  ASSERT_EQ(node.StartDaemon(), absl::OkStatus());
  const CallContext call = CallContext::WithTimeout(std::chrono::seconds(30));
  const CapturedLog log(kDebugJson);
  const auto pod = node.RunPod();
  ASSERT_EQ(pod.status(), absl::OkStatus());
  const auto container = node.CreateContainer(*pod);
  ASSERT_EQ(container.status(), absl::OkStatus());
  ASSERT_EQ(node.pods().StartContainer(*container, call), absl::OkStatus());
  ASSERT_EQ(node.pods().StopContainer(*container, 0, call), absl::OkStatus());
  ASSERT_EQ(node.pods().RemoveContainer(*container, call), absl::OkStatus());
  ASSERT_EQ(node.pods().StopPod(*pod, call), absl::OkStatus());
  ASSERT_EQ(node.pods().RemovePod(*pod, call), absl::OkStatus());

  for (const json& line : Lines(log, "step")) {
    ExpectNamesPod(line, *pod);
    const std::string operation = line.at("operation");
    if (operation.ends_with("Container")) ExpectNamesContainer(line, *container);
  }
  EXPECT_THAT(StepsOf(log, "RunPodSandbox"), Contains("run CNI ADD"));
  EXPECT_THAT(StepsOf(log, "RunPodSandbox"), Contains("start the pause container"));
  EXPECT_THAT(StepsOf(log, "CreateContainer"), Contains("mount the image"));
  EXPECT_THAT(StepsOf(log, "StartContainer"), Contains("have the shim start it"));
  EXPECT_THAT(StepsOf(log, "StopContainer"), Contains("kill the container"));
  EXPECT_THAT(StepsOf(log, "RemoveContainer"), Contains("unmount the container"));
  EXPECT_THAT(StepsOf(log, "StopPodSandbox"), Contains("run CNI DEL"));
  EXPECT_THAT(StepsOf(log, "RemovePodSandbox"), Contains("remove its files and cgroup"));
  ASSERT_EQ(Lines(log, "container exited").size(), 1U);
  ExpectNamesContainer(Lines(log, "container exited").front(), *container);
}

TEST(PodLogTest, AnOperationLogsItsEndIfItsCallerHasLeft) {
  FakeNode node;
  ASSERT_EQ(node.StartDaemon(), absl::OkStatus());
  const CapturedLog log(kInfoJson);
  const auto ended = [&log] { return Lines(log, "operation ended after its caller had left"); };
  node.steps().Plan(Steps::Fault::kHold, 1);
  const CallContext impatient = CallContext::WithTimeout(std::chrono::milliseconds(20));
  const auto pod = node.pods().RunPod(node.PodRequest(), impatient);
  EXPECT_EQ(pod.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(ended(), IsEmpty());
  node.steps().Plan(Steps::Fault::kFrom, 1);
  node.steps().Release();
  ASSERT_TRUE(Eventually([&] { return !ended().empty(); }));
  const json line = ended().front();
  EXPECT_EQ(line.at("level"), "warning");
  EXPECT_EQ(line.at("operation"), "RunPodSandbox");
  EXPECT_EQ(line.at("pod"), "web");
  EXPECT_THAT(line.at("error").get<std::string>(), Not(IsEmpty()));
  node.steps().Heal();
  EXPECT_EQ(node.RemoveAllPods(), absl::OkStatus());
}

}  // namespace
}  // namespace crisp
