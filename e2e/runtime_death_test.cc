// runc or a CNI plugin dies, fails or hangs at each step, and storage that a container needs never answers.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "e2e/fault_fixture.h"

namespace crisp::e2e {
namespace {

// A mount whose file system never answers, as that of a dead NFS server. The destructor lets everybody who waits for it
// go on, with an error.
class DeadStorage {
 public:
  explicit DeadStorage(std::string path) : path_(std::move(path)), server_(open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
    std::filesystem::create_directory(path_);
    const std::string options = "fd=" + std::to_string(server_) + ",rootmode=40000,user_id=0,group_id=0";
    EXPECT_EQ(mount("dead", path_.c_str(), "fuse", 0, options.c_str()), 0) << strerror(errno);
  }
  ~DeadStorage() {
    close(server_);
    EXPECT_EQ(umount2(path_.c_str(), MNT_DETACH), 0) << strerror(errno);
  }
  DeadStorage(const DeadStorage&) = delete;
  DeadStorage& operator=(const DeadStorage&) = delete;

 private:
  const std::string path_;
  const int server_;
};

class RuncDeathTest : public FaultTest, public ::testing::WithParamInterface<Step> {};

TEST_P(RuncDeathTest, FailsTheStartAndLeavesNothing) {
  const auto& [command, moment] = GetParam();
  const PodRef pod = RunPod("start");
  const std::string id = Create(pod, ContainerOf("caught", "sleep 11111"));
  node().wrappers().Stall(command, moment);
  auto start = std::async(std::launch::async, [&] { return cri().StartContainer(id); });
  ASSERT_EQ(kill(node().wrappers().WaitForStalled(command), SIGKILL), 0);
  const auto answer = start.get();
  node().wrappers().Release(command);
  EXPECT_EQ(answer.code(), grpc::INTERNAL) << Describe(answer.status);
  EXPECT_THAT(answer.text(), HasSubstr(command));
  const cri::ContainerStatus status = StatusOf(id);
  EXPECT_EQ(status.state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(status.exit_code(), 128);
  EXPECT_EQ(status.reason(), "StartError");
  EXPECT_FALSE(Runs("sleep 11111"));
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY) << "the pod itself was not hurt";
  EXPECT_EQ(RunToEnd(pod, ContainerOf("next", "exit 5")).exit_code(), 5);
}

TEST_P(RuncDeathTest, FailsTheRunOfAPodAndLeavesNothing) {
  const auto& [command, moment] = GetParam();
  node().wrappers().Stall(command, moment);
  auto run = std::async(std::launch::async, [&] { return cri().RunPod(PodConfig("run")); });
  ASSERT_EQ(kill(node().wrappers().WaitForStalled(command), SIGKILL), 0);
  const auto answer = run.get();
  node().wrappers().Release(command);
  EXPECT_EQ(answer.code(), grpc::INTERNAL) << Describe(answer.status);
  EXPECT_THAT(Pods(), IsEmpty());
  EXPECT_EQ(Leftovers(), "");
  ExpectPodsWork("run");
}

INSTANTIATE_TEST_SUITE_P(At, RuncDeathTest, kRuncSteps, NameOf);

TEST_F(FaultTest, RuncMayDieAtAnyMomentOfAStart) {
  const PodRef pod = RunPod("any");
  for (int i = 0; i < 12; ++i) {
    const std::string id = Create(pod, ContainerOf("c" + std::to_string(i), "sleep 11111"));
    node().wrappers().KillAfter("create", 0.004 * i);
    const bool started = cri().StartContainer(id).ok();
    node().wrappers().Release("create");
    const cri::ContainerStatus status = StatusOf(id);
    EXPECT_EQ(status.state(), started ? cri::CONTAINER_RUNNING : cri::CONTAINER_EXITED)
        << "killed after " << 4 * i << " ms";
    Must(cri().RemoveContainer(id));
    EXPECT_FALSE(Runs("sleep 11111")) << "killed after " << 4 * i << " ms";
  }
  EXPECT_EQ(RunToEnd(pod, ContainerOf("next", "exit 5")).exit_code(), 5);
}

class RuncExecDeathTest : public FaultTest {
 protected:
  NodeOptions Options(const Machine& machine) override {
    NodeOptions options = FaultTest::Options(machine);
    options.crisp_toml += "native_exec = false\n";
    return options;
  }
};

TEST_F(RuncExecDeathTest, RuncKilledInAnExecFailsThatExecOnly) {
  const PodRef pod = RunPod("exec");
  const std::string id = Start(pod, ContainerOf("main", "sleep 11111"));
  node().wrappers().Stall("exec");
  auto exec = std::async(std::launch::async, [&] { return cri().Exec(id, {"true"}); });
  ASSERT_EQ(kill(node().wrappers().WaitForStalled("exec"), SIGKILL), 0);
  exec.get();
  node().wrappers().Release("exec");
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(Sh(id, "echo works"), "works\n");
}

TEST_F(FaultTest, RuncKilledInADeleteIsRepeatedByTheNextRemove) {
  const PodRef pod = RunPod("delete");
  const std::string id = Start(pod, ContainerOf("main", "sleep 11111"));
  node().wrappers().Stall("delete");
  auto stop = std::async(std::launch::async, [&] {
    const bool stopped = cri().StopContainer(id, 0).ok();
    return cri().RemoveContainer(id).ok() && stopped;
  });
  ASSERT_EQ(kill(node().wrappers().WaitForStalled("delete"), SIGKILL), 0);
  node().wrappers().Release("delete");
  stop.get();
  Must(cri().RemoveContainer(id));  // the first retry
  EXPECT_THAT(Containers(), IsEmpty());
}

class PluginDeathTest : public FaultTest, public ::testing::WithParamInterface<Step> {};

TEST_P(PluginDeathTest, FailsTheRunAndLeavesNothing) {
  const auto& [command, moment] = GetParam();
  node().WriteCniConfig(kBridge, kLast);
  node().wrappers().Stall(command, moment);
  auto run = std::async(std::launch::async, [&] { return cri().RunPod(PodConfig("plugin")); });
  ASSERT_EQ(kill(node().wrappers().WaitForStalled(command), SIGKILL), 0);
  const auto answer = run.get();
  node().wrappers().Release(command);
  EXPECT_EQ(answer.code(), grpc::INTERNAL) << Describe(answer.status);
  EXPECT_THAT(answer.text(), HasSubstr("e2e-"));
  EXPECT_THAT(Pods(), IsEmpty());
  EXPECT_EQ(Leftovers(), "");
  ExpectPodsWork("plugin");
}

INSTANTIATE_TEST_SUITE_P(At, PluginDeathTest,
                         ::testing::Values(Step{"ADD", Moment::kBefore}, Step{"ADD", Moment::kAfter},
                                           Step{"last-ADD", Moment::kBefore}),
                         NameOf);

TEST_F(FaultTest, WhatCouldNotBeUndoneIsRemovedByTheNextAttempt) {
  node().WriteCniConfig(kBridge, kLast);
  node().wrappers().Fail("last-ADD", "broken", 1);
  node().wrappers().Fail("DEL", "broken too", 1);
  const auto answer = cri().RunPod(PodConfig("again"));
  EXPECT_THAT(answer.text(), AllOf(HasSubstr("broken"), HasSubstr("undo it")));
  ASSERT_THAT(Pods(), SizeIs(1));
  EXPECT_EQ(Pods()[0].state(), cri::SANDBOX_NOTREADY);
  node().Restart();
  WaitFor("the undo to fail again", std::chrono::seconds(20), [&] { return Pods().size() == 1; });
  EXPECT_FALSE(cri().RunPod(PodConfig("again")).ok());
  node().wrappers().ReleaseAll();
  const PodRef pod = RunPod("again");
  EXPECT_THAT(Pods(), SizeIs(1));
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY);
}

TEST_F(FaultTest, ARemoveDuringAStartWaitsForItAndLeavesNothing) {
  const PodRef pod = RunPod("racing");
  for (const Moment moment : {Moment::kBefore, Moment::kAfter}) {
    const std::string id = Create(pod, ContainerOf("removed", "sleep 11111"));
    node().wrappers().Stall("start", moment);
    auto start = std::async(std::launch::async, [&] { return cri().StartContainer(id); });
    node().wrappers().WaitForStalled("start");
    auto remove = std::async(std::launch::async, [&] { return cri().RemoveContainer(id); });
    EXPECT_EQ(remove.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
    auto joined = std::async(std::launch::async, [&] { return cri().StartContainer(id); });
    EXPECT_EQ(joined.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
    node().wrappers().Release("start");
    Must(start.get());
    Must(joined.get());
    Must(remove.get());
    EXPECT_EQ(cri().ContainerStatus(id).code(), grpc::NOT_FOUND);
    EXPECT_FALSE(Runs("sleep 11111"));
  }
  Must(cri().RemovePod(pod.id));
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(FaultTest, APluginKilledInDelIsCalledAgainByTheNextStop) {
  node().WriteCniConfig(kBridge);
  const PodRef pod = RunPod("del");
  node().wrappers().Stall("DEL");
  auto stop = std::async(std::launch::async, [&] { return cri().StopPod(pod.id); });
  ASSERT_EQ(kill(node().wrappers().WaitForStalled("DEL"), SIGKILL), 0);
  EXPECT_FALSE(stop.get().ok());
  node().wrappers().Release("DEL");
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_NOTREADY);
  Must(cri().StopPod(pod.id));
  Must(cri().RemovePod(pod.id));
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(FaultTest, ACreateThatHangsOnDeadStorageDoesNotDelayTheStopOfItsPod) {
  const PodRef pod = RunPod("hangs");
  Start(pod, ContainerOf("running", "sleep 11111"));
  std::future<void> create;
  {
    const DeadStorage dead(node().paths().directory() + "/dead");
    cri::ContainerConfig config = ContainerOf("hangs", "true");
    config.add_mounts()->set_host_path(node().paths().directory() + "/dead/below");
    config.mutable_mounts(0)->set_container_path("/dead");
    create = std::async(std::launch::async, [&] { cri().CreateContainer(pod.id, pod.config, config); });
    EXPECT_EQ(create.wait_for(std::chrono::milliseconds(500)), std::future_status::timeout);
    const auto began = std::chrono::steady_clock::now();
    Must(cri().StopPod(pod.id));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
    EXPECT_FALSE(Runs("sleep 11111"));
    EXPECT_EQ(create.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  }
  create.get();
  Must(cri().RemovePod(pod.id));
}

}  // namespace
}  // namespace crisp::e2e
