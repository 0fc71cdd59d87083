// The daemon dies at each step of what it does, and at any moment of it. The first retry must succeed, and nothing may
// be left.
#include <functional>
#include <future>

#include "e2e/fault_fixture.h"

namespace crisp::e2e {
namespace {

class DaemonDeathTest : public FaultTest, public ::testing::WithParamInterface<Step> {
 protected:
  void Begin() override { node().WriteCniConfig(kBridge, kLast); }

  const char* command() const { return GetParam().command; }
  // Kills the daemon while the command, which `work` causes, stalls. Then `work` ends too.
  void KillWhileStalled(const std::function<void()>& work) {
    node().wrappers().Stall(command(), GetParam().moment);
    auto call = std::async(std::launch::async, work);
    node().wrappers().WaitForStalled(command());
    node().Kill();
    call.get();
  }
  // The same; then starts the daemon again and lets the command go on.
  void KillInTheMiddle(const std::function<void()>& work) {
    KillWhileStalled(work);
    auto release = std::async(std::launch::async, [&] {
      LetTimePass(std::chrono::milliseconds(300));  // the new daemon meets it stalled; nothing tells when it has
      node().wrappers().Release(command());
    });
    node().Start();
    release.get();
  }
};

using DaemonDeathInRunPodTest = DaemonDeathTest;

TEST_P(DaemonDeathInRunPodTest, TheFirstRetrySucceeds) {
  const PodRef bystander = RunPod("bystander");
  const std::string before = PodStatus(bystander.id).DebugString() + Identity(PidOf(bystander.id));
  KillInTheMiddle([&] { cri().RunPod(PodConfig("run")); });
  const PodRef pod = RunPod("run");
  EXPECT_THAT(Pods(), SizeIs(2));
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY);
  EXPECT_FALSE(PodStatus(pod.id).network().ip().empty());
  EXPECT_EQ(RunToEnd(pod, ContainerOf("probe", "exit 11")).exit_code(), 11);
  EXPECT_EQ(PodStatus(bystander.id).DebugString() + Identity(PidOf(bystander.id)), before);
}

INSTANTIATE_TEST_SUITE_P(At, DaemonDeathInRunPodTest,
                         ::testing::Values(Step{"ADD", Moment::kBefore}, Step{"ADD", Moment::kAfter},
                                           Step{"last-ADD", Moment::kBefore}, Step{"last-ADD", Moment::kAfter},
                                           Step{"create", Moment::kBefore}, Step{"create", Moment::kAfter},
                                           Step{"start", Moment::kBefore}, Step{"start", Moment::kAfter}),
                         NameOf);

class DaemonDeathInStartTest : public DaemonDeathTest {};

TEST_P(DaemonDeathInStartTest, TheContainerRunsOrHasFailedAndTheNextOneRuns) {
  const PodRef pod = RunPod("start");
  const std::string id = Create(pod, ContainerOf("caught", "sleep 11111"));
  KillInTheMiddle([&] { cri().StartContainer(id); });
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY);
  cri::ContainerStatus status = StatusOf(id);
  if (status.state() == cri::CONTAINER_CREATED) {
    Must(cri().StartContainer(id));
    status = StatusOf(id);
  }
  if (status.state() == cri::CONTAINER_RUNNING) {
    EXPECT_EQ(Sh(id, "echo works"), "works\n");
  } else {
    EXPECT_EQ(status.state(), cri::CONTAINER_EXITED);
    EXPECT_NE(status.exit_code(), 0);
    EXPECT_FALSE(Runs("sleep 11111")) << "it runs, though it is reported as exited";
  }
  EXPECT_EQ(RunToEnd(pod, ContainerOf("next", "exit 11")).exit_code(), 11);
  Must(cri().RemoveContainer(id));
  EXPECT_FALSE(Runs("sleep 11111"));
}

// The kubelet may take the container for started, and does not ask again.
TEST_P(DaemonDeathInStartTest, TheContainerRunsWithoutBeingAskedForAgain) {
  const PodRef pod = RunPod("start");
  const std::string id = Create(pod, ContainerOf("caught", kLeaver));
  KillWhileStalled([&] { cri().StartContainer(id); });
  node().Start();
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_CREATED);
  node().wrappers().Release(command());
  WaitFor("the container to run", std::chrono::seconds(10),
          [&] { return StatusOf(id).state() == cri::CONTAINER_RUNNING; });
  node().Restart();
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_RUNNING) << "that it has started is not on record";
  LetGo(PidOf(id));
  EXPECT_EQ(WaitForExit(id).exit_code(), 23);
}

TEST_P(DaemonDeathInStartTest, AStopWaitsForTheStartAndLeavesNoProcess) {
  const PodRef pod = RunPod("start");
  const std::string id = Create(pod, ContainerOf("caught", "sleep 11111"));
  KillWhileStalled([&] { cri().StartContainer(id); });
  node().Start();
  auto stop = std::async(std::launch::async, [&] { return cri().StopContainer(id, 0); });
  EXPECT_EQ(stop.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  node().wrappers().Release(command());
  Must(stop.get());
  EXPECT_FALSE(Runs("sleep 11111"));
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(StatusOf(id).exit_code(), 137);
}

INSTANTIATE_TEST_SUITE_P(At, DaemonDeathInStartTest, kRuncSteps, NameOf);

class DaemonDeathInStopTest : public DaemonDeathTest {};

TEST_P(DaemonDeathInStopTest, TheFirstRetryOfAStopSucceeds) {
  const PodRef pod = RunPod("stop");
  Start(pod, ContainerOf("main", "sleep 11111"));
  KillInTheMiddle([&] { cri().StopPod(pod.id); });
  Must(cri().StopPod(pod.id));
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_NOTREADY);
  EXPECT_FALSE(Runs("sleep 11111"));
  Must(cri().RemovePod(pod.id));
  EXPECT_EQ(Leftovers(), "");
}

TEST_P(DaemonDeathInStopTest, TheFirstRetryOfARemoveSucceeds) {
  const PodRef pod = RunPod("remove");
  Start(pod, ContainerOf("main", "sleep 11111"));
  KillInTheMiddle([&] { cri().RemovePod(pod.id); });
  Must(cri().RemovePod(pod.id));
  EXPECT_THAT(Pods(), IsEmpty());
  EXPECT_EQ(Leftovers(), "");
  ExpectPodsWork("remove");
}

INSTANTIATE_TEST_SUITE_P(At, DaemonDeathInStopTest,
                         ::testing::Values(Step{"DEL", Moment::kBefore}, Step{"DEL", Moment::kAfter},
                                           Step{"last-DEL", Moment::kBefore}, Step{"delete", Moment::kBefore},
                                           Step{"delete", Moment::kAfter}),
                         NameOf);

class AnyMomentTest : public FaultTest {
 protected:
  // Starts `work`, kills the daemon a while later, starts it again.
  void KillAfter(std::chrono::milliseconds delay, const std::function<void()>& work) {
    auto call = std::async(std::launch::async, work);
    LetTimePass(delay);  // another moment each time
    node().Kill();
    call.get();
    node().Start();
  }
};

TEST_F(AnyMomentTest, OfRunPod) {
  for (int delay = 2; delay <= 170; delay += 14) {
    SCOPED_TRACE(std::to_string(delay) + " ms after the call");
    const cri::PodSandboxConfig config = PodConfig("pod" + std::to_string(delay));
    KillAfter(std::chrono::milliseconds(delay), [&] { cri().RunPod(config); });
    const PodRef pod = RunPod(config);
    EXPECT_THAT(Pods(), SizeIs(1));
    EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY);
    Must(cri().RemovePod(pod.id));
    EXPECT_EQ(Leftovers(), "");
  }
}

TEST_F(AnyMomentTest, OfCreateContainer) {
  const PodRef pod = RunPod("create");
  for (int delay = 0; delay <= 16; delay += 2) {
    SCOPED_TRACE(std::to_string(delay) + " ms after the call");
    const cri::ContainerConfig config = ContainerOf("c" + std::to_string(delay), "exit 9");
    KillAfter(std::chrono::milliseconds(delay), [&] { cri().CreateContainer(pod.id, pod.config, config); });
    EXPECT_EQ(RunToEnd(pod, config).exit_code(), 9);
    EXPECT_THAT(Containers(), SizeIs(1));
    Must(cri().RemoveContainer(Containers().front().id()));
  }
}

TEST_F(AnyMomentTest, OfStopAndRemove) {
  for (int delay = 2; delay <= 170; delay += 14) {
    SCOPED_TRACE(std::to_string(delay) + " ms after the call");
    const PodRef pod = RunPod("pod" + std::to_string(delay));
    Start(pod, ContainerOf("main", "sleep 11111"));
    KillAfter(std::chrono::milliseconds(delay), [&] { cri().RemovePod(pod.id); });
    Must(cri().StopPod(pod.id));
    Must(cri().RemovePod(pod.id));
    EXPECT_THAT(Pods(), IsEmpty());
    EXPECT_EQ(Leftovers(), "");
  }
}

}  // namespace
}  // namespace crisp::e2e
