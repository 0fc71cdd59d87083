// The shim of a pod, or its pause container, dies or hangs: its pod ends, and no other does.
#include <signal.h>

#include <future>

#include "e2e/fault_fixture.h"

namespace crisp::e2e {
namespace {

class ShimDeathTest : public FaultTest {
 protected:
  void ExpectLost(const PodRef& pod, const std::vector<std::string>& containers) {
    WaitFor("the pod to be not ready", std::chrono::seconds(10),
            [&] { return PodStatus(pod.id).state() == cri::SANDBOX_NOTREADY; });
    for (const std::string& id : containers) {
      const cri::ContainerStatus status = WaitForExit(id);
      EXPECT_EQ(status.exit_code(), 255);
      EXPECT_EQ(status.reason(), "Unknown");
      EXPECT_GT(status.finished_at(), 0);
    }
    EXPECT_TRUE(Eventually([&] { return !Runs(pod.id) && !Runs("sleep 11111"); }, std::chrono::seconds(5)))
        << "a process of the pod is left: " << ::testing::PrintToString(ProcessList({node().pid()}));
  }
};

TEST_F(ShimDeathTest, EndsItsPodAndNoOther) {
  const PodRef pod = RunPod("dies");
  const PodRef other = RunPod("lives");
  const std::string running = Start(pod, ContainerOf("running", "setsid sleep 11111 & sleep 11111; true"));
  const std::string counter = Start(other, ContainerOf("counter", kCounter));
  const std::string ended = Start(pod, ContainerOf("ended", "exit 3"));
  WaitForExit(ended);
  const std::string other_before = Identity(PidOf(counter)) + Identity(PidOf(other.id));

  ASSERT_EQ(kill(ShimOf(pod), SIGKILL), 0);
  ExpectLost(pod, {running});
  EXPECT_EQ(StatusOf(ended).exit_code(), 3) << "the shim had told of this exit before it died";

  EXPECT_EQ(Identity(PidOf(counter)) + Identity(PidOf(other.id)), other_before);
  EXPECT_EQ(PodStatus(other.id).state(), cri::SANDBOX_READY);
  EXPECT_EQ(Sh(counter, "echo works"), "works\n");
  Must(cri().StopContainer(counter, 0));
  CountedLines(ReadFile(other.LogPath("counter")));

  // The kubelet stops a pod that is not ready and runs the next attempt.
  Must(cri().StopPod(pod.id));
  cri::PodSandboxConfig next = pod.config;
  next.mutable_metadata()->set_attempt(1);
  EXPECT_EQ(RunToEnd(RunPod(next), ContainerOf("probe", "exit 12")).exit_code(), 12);
  Must(cri().RemovePod(pod.id));
}

TEST_F(ShimDeathTest, IsFoundByTheDaemonThatComesLater) {
  const PodRef pod = RunPod("dies");
  const std::string running = Start(pod, ContainerOf("running", "sleep 11111"));
  const pid_t shim = ShimOf(pod);
  node().Kill();
  ASSERT_EQ(kill(shim, SIGKILL), 0);
  node().Start();
  ExpectLost(pod, {running});
  ExpectPodsWork("after");
}

TEST_F(ShimDeathTest, InTheMiddleOfAnExecIsAnErrorOfThatExec) {
  const PodRef pod = RunPod("dies");
  const std::string running = Start(pod, ContainerOf("running", "sleep 11111"));
  const pid_t shim = ShimOf(pod);
  auto exec = std::async(std::launch::async, [&] { return cri().Exec(running, {"sh", "-c", "sleep 22222; true"}); });
  WaitFor("the command", std::chrono::seconds(5), [] { return Runs("sleep 22222"); });
  ASSERT_EQ(kill(shim, SIGKILL), 0);
  EXPECT_FALSE(exec.get().ok());
  ExpectLost(pod, {running});
  EXPECT_FALSE(Runs("sleep 22222"));
}

class ShimDeathAtTest : public ShimDeathTest, public ::testing::WithParamInterface<Step> {};

TEST_P(ShimDeathAtTest, LeavesNothing) {
  const auto& [command, moment] = GetParam();
  const PodRef pod = RunPod("dies");
  const std::string id = Create(pod, ContainerOf("caught", "sleep 11111"));
  const pid_t shim = ShimOf(pod);
  node().wrappers().Stall(command, moment);
  auto start = std::async(std::launch::async, [&] { return cri().StartContainer(id); });
  node().wrappers().WaitForStalled(command);
  ASSERT_EQ(kill(shim, SIGKILL), 0);
  EXPECT_FALSE(start.get().ok());
  WaitFor("the pod to be not ready", std::chrono::seconds(10),
          [&] { return PodStatus(pod.id).state() == cri::SANDBOX_NOTREADY; });
  node().wrappers().Release(command);
  EXPECT_EQ(WaitForExit(id).state(), cri::CONTAINER_EXITED);
  Must(cri().StopPod(pod.id));
  Must(cri().RemovePod(pod.id));
  EXPECT_EQ(Leftovers(), "");
  ExpectPodsWork("after");
}

TEST_F(ShimDeathTest, WhileItsPodIsMadeFailsTheRunAndLeavesNothing) {
  node().WriteCniConfig(kBridge, kLast);
  for (const char* command : {"create", "ADD", "last-ADD"}) {
    node().wrappers().Stall(command);
    auto run = std::async(std::launch::async, [&] { return cri().RunPod(PodConfig("caught")); });
    node().wrappers().WaitForStalled(command);
    // The plugins run beside the shim.
    const std::string process = command == std::string("create") ? "crisp-shim" : "/pause";
    WaitFor(process, std::chrono::seconds(5), [&] { return Runs(process); });
    const pid_t shim = PidByCommand("crisp-shim");
    ASSERT_EQ(kill(shim, SIGKILL), 0);
    WaitFor("the shim to be gone", std::chrono::seconds(5), [&] { return !Exists(shim); });
    node().wrappers().Release(command);
    EXPECT_EQ(run.get().code(), grpc::INTERNAL) << command;
    EXPECT_THAT(Pods(), IsEmpty()) << command;
    EXPECT_EQ(Leftovers(), "") << command;
  }
  ExpectPodsWork("caught");
}

TEST_F(ShimDeathTest, WhileItsPodIsStoppedIsMadeUpForByThatStop) {
  const PodRef pod = RunPod("stops");
  Start(pod, ContainerOf("running", "sleep 11111"));
  node().wrappers().Stall("delete");
  auto stop = std::async(std::launch::async, [&] { return cri().StopPod(pod.id); });
  node().wrappers().WaitForStalled("delete");
  ASSERT_EQ(kill(PidByCommand("crisp-shim"), SIGKILL), 0);
  node().wrappers().Release("delete");
  Must(stop.get());
  Must(cri().RemovePod(pod.id));
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(ShimDeathTest, AShimThatHangsIsEndedByTheStopOfItsPod) {
  const PodRef pod = RunPod("hangs");
  const PodRef other = RunPod("lives");
  const std::string running = Start(pod, ContainerOf("running", "sleep 11111"));
  ASSERT_EQ(kill(ShimOf(pod), SIGSTOP), 0);
  Must(cri().StopPod(pod.id));
  ExpectLost(pod, {running});
  EXPECT_EQ(PodStatus(other.id).state(), cri::SANDBOX_READY);
}

TEST_F(ShimDeathTest, AShimThatHangsWhenTheDaemonComesBackIsEndedWithItsPod) {
  const PodRef pod = RunPod("hangs");
  const PodRef other = RunPod("lives");
  const std::string running = Start(pod, ContainerOf("running", "sleep 11111"));
  node().Kill();
  ASSERT_EQ(kill(ShimOf(pod), SIGSTOP), 0);
  node().Start();
  ExpectLost(pod, {running});
  EXPECT_EQ(PodStatus(other.id).state(), cri::SANDBOX_READY);
}

TEST_F(ShimDeathTest, AShimThatOnlyWaitsForItsTurnWhenTheDaemonComesBackKeepsItsPod) {
  const PodRef pod = RunPod("slow");
  const std::string running = Start(pod, ContainerOf("running", "sleep 11111"));
  const pid_t shim = ShimOf(pod);
  node().Kill();
  ASSERT_EQ(kill(shim, SIGSTOP), 0);
  auto turn = std::async(std::launch::async, [&] {
    LetTimePass(std::chrono::seconds(12));  // less than a shim may take
    kill(shim, SIGCONT);
  });
  node().Start();
  turn.get();
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY);
  EXPECT_EQ(Sh(running, "echo works"), "works\n");
}

INSTANTIATE_TEST_SUITE_P(At, ShimDeathAtTest, kRuncSteps, NameOf);

class PauseDeathTest : public FaultTest {
 protected:
  // What it runs is a shell without an input, which ends at once.
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.sandbox_image = kBusybox;
    return options;
  }
};

TEST_F(PauseDeathTest, APodWhosePauseContainerEndsAtOnceIsNeverReadyForLong) {
  for (int i = 0; i < 5; ++i) {
    const auto ran = cri().RunPod(PodConfig("brief"));
    if (!ran.ok()) {
      EXPECT_EQ(ran.code(), grpc::INTERNAL);
      EXPECT_THAT(Pods(), IsEmpty());
      continue;
    }
    const std::string id = ran.value.pod_sandbox_id();
    WaitFor("the pod to be not ready", std::chrono::seconds(10),
            [&] { return PodStatus(id).state() == cri::SANDBOX_NOTREADY; });
    RemoveAllPods();
  }
}

}  // namespace
}  // namespace crisp::e2e
