// How containers end, by themselves and by StopContainer and RemoveContainer, and what is told of it.
#include <future>

#include "base/clock.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

class ContainerEndTest : public NodeTest {
 protected:
  // A pod whose containers share its PID namespace: a container's first process is not number 1 there, so that signals
  // do to it what they do to any process.
  PodRef RunSharedPod(const std::string& name) {
    cri::PodSandboxConfig config = PodConfig(name);
    Namespaces(config).set_pid(cri::POD);
    return RunPod(config);
  }
  static cri::ContainerConfig Shared(cri::ContainerConfig config) {
    Namespaces(config).set_pid(cri::POD);
    return config;
  }

  // Scripts print "ready" once their traps are set.
  static void WaitForReady(const PodRef& pod, const std::string& container) {
    WaitFor("the trap", std::chrono::seconds(5), [&] { return LoggedOutput(pod, container) == "ready\n"; });
  }
};

TEST_F(ContainerEndTest, ExitCodeZeroIsCompletedAndOthersAreErrors) {
  const PodRef pod = RunPod("codes");
  const cri::ContainerStatus completed = RunToEnd(pod, ContainerOf("zero", "exit 0"));
  EXPECT_EQ(completed.exit_code(), 0);
  EXPECT_EQ(completed.reason(), "Completed");
  const cri::ContainerStatus failed = RunToEnd(pod, ContainerOf("seven", "exit 7"));
  EXPECT_EQ(failed.exit_code(), 7);
  EXPECT_EQ(failed.reason(), "Error");
  EXPECT_EQ(RunToEnd(pod, ContainerOf("most", "exit 255")).exit_code(), 255);
}

TEST_F(ContainerEndTest, ASignalIsReportedAs128AndItsNumber) {
  const PodRef pod = RunSharedPod("signals");
  for (const auto& [name, code] :
       std::vector<std::pair<std::string, int>>{{"KILL", 137}, {"TERM", 143}, {"SEGV", 139}}) {
    const cri::ContainerStatus status = RunToEnd(pod, Shared(ContainerOf("by-" + name, "kill -" + name + " $$")));
    EXPECT_EQ(status.exit_code(), code) << name;
    EXPECT_EQ(status.reason(), "Error") << name;
  }
}

TEST_F(ContainerEndTest, TimesAreInOrderAndInNanoseconds) {
  const PodRef pod = RunPod("times");
  const int64_t before = WallNanos();
  const std::string id = Start(pod, ContainerOf("second", "sleep 1"));
  const cri::ContainerStatus running = StatusOf(id);
  EXPECT_EQ(running.state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(running.finished_at(), 0);
  const cri::ContainerStatus status = WaitForExit(id);
  EXPECT_LE(before, status.created_at());
  EXPECT_LE(status.created_at(), status.started_at());
  EXPECT_EQ(status.started_at(), running.started_at());
  EXPECT_GE(status.finished_at() - status.started_at(), 900'000'000);
  EXPECT_LE(status.finished_at() - status.started_at(), 5'000'000'000);
}

TEST_F(ContainerEndTest, AMissingProgramIsAStartErrorWithCode128) {
  const PodRef pod = RunPod("missing");
  const std::string id = Create(pod, ContainerRunning("missing", {"/no/such/program"}));
  const auto answer = cri().StartContainer(id);
  EXPECT_FALSE(answer.ok());
  EXPECT_THAT(answer.text(), HasSubstr("/no/such/program"));
  const cri::ContainerStatus status = StatusOf(id);
  EXPECT_EQ(status.state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(status.exit_code(), 128);
  EXPECT_EQ(status.reason(), "StartError");
  EXPECT_THAT(status.message(), HasSubstr("/no/such/program"));
  EXPECT_GT(status.finished_at(), 0);
  Must(cri().RemoveContainer(id));
}

TEST_F(ContainerEndTest, AboveItsMemoryLimitItIsOomKilled) {
  const PodRef pod = RunPod("oom");
  cri::ContainerConfig config = ContainerRunning("eater", {"tail", "/dev/zero"});
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(32 << 20);
  const cri::ContainerStatus status = RunToEnd(pod, config);
  EXPECT_EQ(status.exit_code(), 137);
  EXPECT_EQ(status.reason(), "OOMKilled");
}

TEST_F(ContainerEndTest, ChildrenEndWithTheFirstProcess) {
  const PodRef pod = RunPod("children");
  RunToEnd(pod, ContainerOf("parent", "setsid sleep 12345 & exit 0"));
  EXPECT_TRUE(Eventually([] { return !Runs("sleep 12345"); }, std::chrono::seconds(2)));
}

// --- StopContainer ---

TEST_F(ContainerEndTest, StopSendsTermAndWaitsForAGracefulEnd) {
  const PodRef pod = RunPod("graceful");
  const std::string id =
      Start(pod, ContainerOf("trap", "trap 'sleep 1; exit 7' TERM; echo ready; while :; do sleep 0.05; done"));
  WaitForReady(pod, "trap");
  const auto begin = MonoClock::now();
  Must(cri().StopContainer(id, 20));
  EXPECT_LT(MonoClock::now() - begin, std::chrono::seconds(8)) << "it waited though the container had gone";
  const cri::ContainerStatus status = StatusOf(id);
  EXPECT_EQ(status.state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(status.exit_code(), 7);
}

TEST_F(ContainerEndTest, StopKillsWhatIgnoresTermAfterTheGrace) {
  const PodRef pod = RunPod("stubborn");
  const std::string id = Start(pod, ContainerOf("trap", "trap '' TERM; echo ready; while :; do sleep 0.05; done"));
  WaitForReady(pod, "trap");
  const auto begin = MonoClock::now();
  Must(cri().StopContainer(id, 1));
  EXPECT_GE(MonoClock::now() - begin, std::chrono::milliseconds(950));
  EXPECT_LT(MonoClock::now() - begin, std::chrono::seconds(6));
  const cri::ContainerStatus status = StatusOf(id);
  EXPECT_EQ(status.exit_code(), 137);
  EXPECT_EQ(status.reason(), "Error");
}

TEST_F(ContainerEndTest, StopWithoutGraceKillsAtOnce) {
  const PodRef pod = RunPod("at-once");
  const std::string id =
      Start(pod, ContainerOf("trap", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"));
  WaitForReady(pod, "trap");
  Must(cri().StopContainer(id, 0));
  EXPECT_EQ(StatusOf(id).exit_code(), 137);
}

TEST_F(ContainerEndTest, StopOfASignalledProcessIs143) {
  const PodRef pod = RunSharedPod("term");
  const std::string id = Start(pod, Shared(ContainerRunning("sleep", {"sleep", "1000"})));
  Must(cri().StopContainer(id, 10));
  EXPECT_EQ(StatusOf(id).exit_code(), 143);
}

TEST_F(ContainerEndTest, StopSendsTheSignalOfTheImage) {
  Must(cri().Pull(kStopSignal));
  const PodRef pod = RunPod("stopsignal");
  cri::ContainerConfig config =
      ContainerOf("trap", "trap 'exit 42' USR1; trap '' TERM; echo ready; while :; do sleep 0.05; done");
  config.mutable_image()->set_image(kStopSignal);
  const std::string id = Start(pod, config);
  WaitForReady(pod, "trap");
  EXPECT_EQ(StatusOf(id).stop_signal(), cri::SIGNAL_SIGUSR1);
  Must(cri().StopContainer(id, 20));
  EXPECT_EQ(StatusOf(id).exit_code(), 42);
}

TEST_F(ContainerEndTest, TheContainersStopSignalGoesBeforeTheImages) {
  Must(cri().Pull(kStopSignal));
  const PodRef pod = RunPod("own-signal");
  cri::ContainerConfig config = ContainerOf(
      "trap", "trap 'exit 42' USR1; trap 'exit 43' USR2; trap '' TERM; echo ready; while :; do sleep 0.05; done");
  config.mutable_image()->set_image(kStopSignal);
  config.set_stop_signal(cri::SIGNAL_SIGUSR2);
  const std::string id = Start(pod, config);
  WaitForReady(pod, "trap");
  EXPECT_EQ(StatusOf(id).stop_signal(), cri::SIGNAL_SIGUSR2);
  Must(cri().StopContainer(id, 20));
  EXPECT_EQ(StatusOf(id).exit_code(), 43);
}

TEST_F(ContainerEndTest, StopAndRemoveMayBeRepeatedAndAreFineForAbsentOnes) {
  const PodRef pod = RunPod("repeat");
  const std::string id = Start(pod, ContainerOf("sleep", "sleep 1000"));
  Must(cri().StopContainer(id, 0));
  Must(cri().StopContainer(id, 0));
  Must(cri().RemoveContainer(id));
  Must(cri().RemoveContainer(id));
  Must(cri().StopContainer(id, 0));
}

TEST_F(ContainerEndTest, StopOfOneThatWasNeverStartedIsFine) {
  const PodRef pod = RunPod("never");
  const std::string id = Create(pod, ContainerOf("never", "true"));
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_CREATED);
  Must(cri().StopContainer(id, 0));
  Must(cri().RemoveContainer(id));
  EXPECT_EQ(cri().ContainerStatus(id).code(), grpc::NOT_FOUND);
}

TEST_F(ContainerEndTest, TwoStopsAtOnceBothSucceed) {
  const PodRef pod = RunPod("twice");
  const std::string id = Start(pod, ContainerOf("trap", "trap '' TERM; while :; do sleep 0.05; done"));
  auto first = std::async(std::launch::async, [&] { return cri().StopContainer(id, 2); });
  auto second = std::async(std::launch::async, [&] { return cri().StopContainer(id, 0); });
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
  EXPECT_EQ(StatusOf(id).exit_code(), 137);
}

TEST_F(ContainerEndTest, AnExitedOneDoesNotStartAgain) {
  const PodRef pod = RunPod("once");
  const std::string id = Start(pod, ContainerOf("once", "exit 3"));
  WaitForExit(id);
  EXPECT_FALSE(cri().StartContainer(id).ok());
  EXPECT_EQ(StatusOf(id).exit_code(), 3);
}

TEST_F(ContainerEndTest, RemoveOfARunningOneKillsIt) {
  const PodRef pod = RunPod("remove");
  const std::string id = Start(pod, ContainerOf("sleep", "sleep 1000"));
  Must(cri().RemoveContainer(id));
  EXPECT_THAT(Containers(), IsEmpty());
  EXPECT_TRUE(FileExists(pod.LogPath("sleep"))) << "the log is the kubelet's to remove";
}

}  // namespace
}  // namespace crisp::e2e
