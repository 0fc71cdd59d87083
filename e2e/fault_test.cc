// What must hold after something has been killed (lessons.md): every acknowledged object is there (I1), nothing is left
// once all pods are removed (I2, checked behind every test), workloads go on with no gap in their logs (I3), exit codes
// and times are exact (I4), the first retry succeeds (I6).
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "e2e/cri_log.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kCounter[] = "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.002; done";

int64_t Now() {
  return std::chrono::system_clock::now().time_since_epoch().count();
}

// Field 22 of /proc/PID/stat: with the pid it names one process for good.
std::string Identity(pid_t pid) {
  const std::string stat = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
  std::string field;
  for (int i = 0; i < 20; ++i) fields >> field;
  return std::to_string(pid) + "@" + field;
}

// A file system whose server never answers, as of a dead NFS server; whoever waits for it is let go with an error when
// it is destroyed.
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

class FaultTest : public NodeTest {
 protected:
  // All that the daemon says of its pods and containers, and which processes they are.
  std::string Everything() {
    std::string text;
    for (const cri::PodSandbox& pod : Pods()) {
      text += PodStatus(pod.id()).DebugString();
      if (pod.state() == cri::SANDBOX_READY) text += Identity(PidOf(pod.id())) + "\n";
    }
    for (const cri::Container& container : Containers()) {
      text += container.DebugString() + StatusOf(container.id()).DebugString();
      if (container.state() == cri::CONTAINER_RUNNING) text += Identity(PidOf(container.id())) + "\n";
    }
    return text;
  }

  // The log's lines must be "line 0", "line 1", … without gap or double; returns how many there are.
  static int CountedLines(const std::string& log) {
    const std::vector<std::string> lines = Lines(Written(ParseLog(log), "stdout"));
    for (size_t i = 0; i < lines.size(); ++i) {
      if (lines[i] != "line " + std::to_string(i)) {
        ADD_FAILURE() << "line " << i << " of the log is \"" << lines[i] << "\"";
        break;
      }
    }
    return static_cast<int>(lines.size());
  }
  // ParseLog, but without the torn line that a reader of a growing file may see last.
  int CountedLinesNow(const std::string& path) {
    std::string log = ReadFile(path);
    log.resize(log.rfind('\n') + 1);
    return CountedLines(log);
  }

  static bool Runs(const std::string& text) {
    for (const std::string& process : ProcessList({})) {
      if (process.find(text) != std::string::npos) return true;
    }
    return false;
  }

  pid_t ShimOf(const PodRef& pod) { return PidByCommand(pod.id); }

  void ExpectPodsWork(const std::string& name) {
    const PodRef pod = RunPod(name);
    EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY);
    EXPECT_FALSE(PodStatus(pod.id).network().ip().empty());
    EXPECT_EQ(RunToEnd(pod, ContainerOf("probe", "exit 11")).exit_code(), 11);
  }
};

// --- The daemon ---

TEST_F(FaultTest, TheDaemonsDeathCostsNothing) {
  const PodRef pod = RunPod("alive");
  const std::string counter = Start(pod, ContainerOf("counter", kCounter));
  const std::string leaver = Start(pod, ContainerOf("leaver", "while [ ! -e /tmp/go ]; do sleep 0.01; done; exit 23"));
  const std::string ended = Start(pod, ContainerOf("ended", "exit 3"));
  const std::string created = Create(pod, ContainerOf("created", "exit 4"));
  WaitForExit(ended);
  const PodRef stopped = RunPod("stopped");
  Must(cri().StopPod(stopped.id));
  const std::string counter_before = StatusOf(counter).DebugString() + Identity(PidOf(counter));
  const std::string pod_before = PodStatus(pod.id).DebugString() + Identity(PidOf(pod.id));
  const std::string ended_before = StatusOf(ended).DebugString();
  const std::string stopped_before = PodStatus(stopped.id).DebugString();
  const std::string leaver_root = "/proc/" + std::to_string(PidOf(leaver)) + "/root/tmp/go";

  node().Kill();
  const int64_t killed_at = Now();
  const int lines_then = CountedLinesNow(LogPath(pod, "counter"));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  WriteFile(leaver_root, "");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_GT(CountedLinesNow(LogPath(pod, "counter")), lines_then) << "the log stood still while the daemon was dead";
  const int64_t left_before = Now();
  node().Start();

  EXPECT_EQ(StatusOf(counter).DebugString() + Identity(PidOf(counter)), counter_before);
  EXPECT_EQ(PodStatus(pod.id).DebugString() + Identity(PidOf(pod.id)), pod_before);
  EXPECT_EQ(StatusOf(ended).DebugString(), ended_before);
  EXPECT_EQ(PodStatus(stopped.id).DebugString(), stopped_before);
  EXPECT_EQ(StatusOf(created).state(), cri::CONTAINER_CREATED);
  const cri::ContainerStatus left = StatusOf(leaver);
  EXPECT_EQ(left.state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(left.exit_code(), 23);
  EXPECT_EQ(left.reason(), "Error");
  EXPECT_GT(left.finished_at(), killed_at + 200'000'000);
  EXPECT_LT(left.finished_at(), left_before);

  EXPECT_EQ(Sh(counter, "echo works"), "works\n");
  Must(cri().StartContainer(created));
  EXPECT_EQ(WaitForExit(created).exit_code(), 4);
  Must(cri().StopContainer(counter, 0));
  EXPECT_EQ(StatusOf(counter).exit_code(), 137);
  EXPECT_GT(CountedLines(ReadFile(LogPath(pod, "counter"))), lines_then);
}

TEST_F(FaultTest, AnExitAfterTheRestartIsSeenToo) {
  const PodRef pod = RunPod("later");
  const std::string id = Start(pod, ContainerOf("later", "while [ ! -e /tmp/go ]; do sleep 0.01; done; exit 23"));
  node().Restart();
  cri().Exec(id, {"touch", "/tmp/go"});  // the end of the container may overtake its own
  EXPECT_EQ(WaitForExit(id).exit_code(), 23);
}

TEST_F(FaultTest, LogsAreReopenedAfterARestart) {
  const PodRef pod = RunPod("reopen");
  const std::string id = Start(pod, ContainerOf("counter", kCounter));
  const std::string path = LogPath(pod, "counter");
  WaitFor("lines", std::chrono::seconds(5), [&] { return ReadFile(path).size() > 1000; });
  node().Kill();
  std::filesystem::rename(path, path + ".0");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  node().Start();
  Must(cri().ReopenLog(id));
  WaitFor("lines", std::chrono::seconds(5), [&] { return ReadFile(path).size() > 1000; });
  Must(cri().StopContainer(id, 0));
  EXPECT_GT(CountedLines(ReadFile(path + ".0") + ReadFile(path)), 50);
}

TEST_F(FaultTest, ADaemonThatIsAskedToEndLeavesPodsRunning) {
  const PodRef pod = RunPod("term");
  Start(pod, ContainerOf("counter", kCounter));
  const std::string before = Everything();
  EXPECT_EQ(node().Terminate(), 0);
  node().Start();
  EXPECT_EQ(Everything(), before);
}

TEST_F(FaultTest, ManyRestartsInARowChangeNothing) {
  const PodRef one = RunPod("one");
  Start(one, ContainerOf("counter", kCounter));
  RunPod("two");
  const std::string before = Everything();
  for (int i = 0; i < 5; ++i) node().Restart();
  EXPECT_EQ(Everything(), before);
}

TEST_F(FaultTest, TheDaemonStartsAgainWhileContainersExitInGreatNumber) {
  const PodRef pod = RunPod("storm");
  std::vector<std::string> ids;
  for (int i = 0; i < 8; ++i) {
    ids.push_back(Start(
        pod, ContainerOf("c" + std::to_string(i), "sleep 0." + std::to_string(i) + "; exit " + std::to_string(i + 1))));
  }
  node().Kill();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  node().Start();
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(WaitForExit(ids[i]).exit_code(), static_cast<int>(i) + 1);
}

TEST_F(FaultTest, ACreateThatHangsOnDeadStorageDoesNotHoldUpTheStopOfItsPod) {
  const PodRef pod = RunPod("hangs");
  Start(pod, ContainerOf("running", "sleep 11111"));
  std::future<void> create;
  {
    const DeadStorage dead(node().directory() + "/dead");
    cri::ContainerConfig config = ContainerOf("hangs", "true");
    config.add_mounts()->set_host_path(node().directory() + "/dead/below");
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

// Pods outlive their database: each has a copy of its record beside it.
TEST_F(FaultTest, ALostDatabaseCostsNoPod) {
  const PodRef pod = RunPod("alive");
  const std::string counter = Start(pod, ContainerOf("counter", kCounter));
  const std::string ended = RunToEnd(pod, ContainerOf("ended", "exit 3")).id();
  const PodRef stopped = RunPod("stopped");
  Must(cri().StopPod(stopped.id));
  const std::string before = Everything();

  node().Kill();
  WriteFile(node().root() + "/crisp.db", "no database");
  node().Start();
  EXPECT_EQ(Everything(), before);
  EXPECT_EQ(Sh(counter, "echo works"), "works\n");
  EXPECT_EQ(StatusOf(ended).exit_code(), 3);
  Must(cri().StopContainer(counter, 0));
  CountedLines(ReadFile(LogPath(pod, "counter")));
  RemoveAllPods();
  EXPECT_EQ(Leftovers(), "");
  // Images are cheap to have again; what stands on their layers is not.
  Must(cri().Pull(kBusybox));
  ExpectPodsWork("after");
}

// --- The shim ---

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
    EXPECT_TRUE(Eventually(std::chrono::seconds(5), [&] { return !Runs(pod.id) && !Runs("sleep 11111"); }))
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
  EXPECT_EQ(StatusOf(ended).exit_code(), 3) << "what it had said before it died still counts";

  EXPECT_EQ(Identity(PidOf(counter)) + Identity(PidOf(other.id)), other_before);
  EXPECT_EQ(PodStatus(other.id).state(), cri::SANDBOX_READY);
  EXPECT_EQ(Sh(counter, "echo works"), "works\n");
  Must(cri().StopContainer(counter, 0));
  CountedLines(ReadFile(LogPath(other, "counter")));

  // As the kubelet does it: stop what is not ready, and run the next attempt.
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

class ShimDeathAtTest : public ShimDeathTest, public ::testing::WithParamInterface<std::pair<const char*, Moment>> {};

TEST_P(ShimDeathAtTest, LeavesNothing) {
  const auto& [command, moment] = GetParam();
  const PodRef pod = RunPod("dies");
  const std::string id = Create(pod, ContainerOf("caught", "sleep 11111"));
  const pid_t shim = ShimOf(pod);
  node().Stall(command, moment);
  auto start = std::async(std::launch::async, [&] { return cri().StartContainer(id); });
  node().WaitForStalled(command);
  ASSERT_EQ(kill(shim, SIGKILL), 0);
  EXPECT_FALSE(start.get().ok());
  WaitFor("the pod to be not ready", std::chrono::seconds(10),
          [&] { return PodStatus(pod.id).state() == cri::SANDBOX_NOTREADY; });
  node().Release(command);
  EXPECT_EQ(WaitForExit(id).state(), cri::CONTAINER_EXITED);
  Must(cri().StopPod(pod.id));
  Must(cri().RemovePod(pod.id));
  EXPECT_EQ(Leftovers(), "");
  ExpectPodsWork("after");
}

TEST_F(ShimDeathTest, WhileItsPodIsMadeFailsTheRunAndLeavesNothing) {
  node().WriteCniConfig("e2e-bridge", "e2e-last");
  for (const char* command : {"create", "ADD", "last-ADD"}) {
    node().Stall(command);
    auto run = std::async(std::launch::async, [&] { return cri().RunPod(PodConfig("caught")); });
    node().WaitForStalled(command);
    // The plugins run beside the shim.
    const std::string process = command == std::string("create") ? "crisp-shim" : "/pause";
    WaitFor(process, std::chrono::seconds(5), [&] { return Runs(process); });
    ASSERT_EQ(kill(PidByCommand("crisp-shim"), SIGKILL), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    node().Release(command);
    EXPECT_EQ(run.get().code(), grpc::INTERNAL) << command;
    EXPECT_THAT(Pods(), IsEmpty()) << command;
    EXPECT_EQ(Leftovers(), "") << command;
  }
  ExpectPodsWork("caught");
}

TEST_F(ShimDeathTest, WhileItsPodIsStoppedIsMadeUpForByThatStop) {
  const PodRef pod = RunPod("stops");
  Start(pod, ContainerOf("running", "sleep 11111"));
  node().Stall("delete");
  auto stop = std::async(std::launch::async, [&] { return cri().StopPod(pod.id); });
  node().WaitForStalled("delete");
  ASSERT_EQ(kill(PidByCommand("crisp-shim"), SIGKILL), 0);
  node().Release("delete");
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
    std::this_thread::sleep_for(std::chrono::seconds(12));
    kill(shim, SIGCONT);
  });
  node().Start();
  turn.get();
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY);
  EXPECT_EQ(Sh(running, "echo works"), "works\n");
}

std::string NameOf(const std::pair<const char*, Moment>& parameter) {
  std::string name = parameter.first;
  name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  std::erase(name, '-');
  return name + (parameter.second == Moment::kBefore ? "Before" : "After");
}

INSTANTIATE_TEST_SUITE_P(At, ShimDeathAtTest,
                         ::testing::Values(std::pair("create", Moment::kBefore), std::pair("create", Moment::kAfter),
                                           std::pair("start", Moment::kBefore), std::pair("start", Moment::kAfter)),
                         [](const auto& at) { return NameOf(at.param); });

// --- The pause container ---

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

// --- runc ---

class RuncDeathTest : public FaultTest, public ::testing::WithParamInterface<std::pair<const char*, Moment>> {};

TEST_P(RuncDeathTest, FailsTheStartAndLeavesNothing) {
  const auto& [command, moment] = GetParam();
  const PodRef pod = RunPod("start");
  const std::string id = Create(pod, ContainerOf("caught", "sleep 11111"));
  node().Stall(command, moment);
  auto start = std::async(std::launch::async, [&] { return cri().StartContainer(id); });
  ASSERT_EQ(kill(node().WaitForStalled(command), SIGKILL), 0);
  const auto answer = start.get();
  node().Release(command);
  EXPECT_EQ(answer.code(), grpc::INTERNAL) << Describe(answer.status);
  EXPECT_THAT(answer.text(), ::testing::HasSubstr(command));
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
  node().Stall(command, moment);
  auto run = std::async(std::launch::async, [&] { return cri().RunPod(PodConfig("run")); });
  ASSERT_EQ(kill(node().WaitForStalled(command), SIGKILL), 0);
  const auto answer = run.get();
  node().Release(command);
  EXPECT_EQ(answer.code(), grpc::INTERNAL) << Describe(answer.status);
  EXPECT_THAT(Pods(), IsEmpty());
  EXPECT_EQ(Leftovers(), "");
  ExpectPodsWork("run");
}

INSTANTIATE_TEST_SUITE_P(At, RuncDeathTest,
                         ::testing::Values(std::pair("create", Moment::kBefore), std::pair("create", Moment::kAfter),
                                           std::pair("start", Moment::kBefore), std::pair("start", Moment::kAfter)),
                         [](const auto& at) { return NameOf(at.param); });

TEST_F(FaultTest, RuncMayDieAtAnyMomentOfAStart) {
  const PodRef pod = RunPod("any");
  for (int i = 0; i < 12; ++i) {
    const std::string id = Create(pod, ContainerOf("c" + std::to_string(i), "sleep 11111"));
    node().KillAfter("create", 0.004 * i);
    const bool started = cri().StartContainer(id).ok();
    node().Release("create");
    const cri::ContainerStatus status = StatusOf(id);
    EXPECT_EQ(status.state(), started ? cri::CONTAINER_RUNNING : cri::CONTAINER_EXITED)
        << "killed after " << 4 * i << " ms";
    Must(cri().RemoveContainer(id));
    EXPECT_FALSE(Runs("sleep 11111")) << "killed after " << 4 * i << " ms";
  }
  EXPECT_EQ(RunToEnd(pod, ContainerOf("next", "exit 5")).exit_code(), 5);
}

TEST_F(FaultTest, RuncKilledInAnExecFailsThatExecOnly) {
  const PodRef pod = RunPod("exec");
  const std::string id = Start(pod, ContainerOf("main", "sleep 11111"));
  node().Stall("exec");
  auto exec = std::async(std::launch::async, [&] { return cri().Exec(id, {"true"}); });
  ASSERT_EQ(kill(node().WaitForStalled("exec"), SIGKILL), 0);
  exec.get();
  node().Release("exec");
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(Sh(id, "echo works"), "works\n");
}

TEST_F(FaultTest, RuncKilledInADeleteIsMadeUpFor) {
  const PodRef pod = RunPod("delete");
  const std::string id = Start(pod, ContainerOf("main", "sleep 11111"));
  node().Stall("delete");
  auto stop = std::async(std::launch::async, [&] {
    const bool stopped = cri().StopContainer(id, 0).ok();
    return cri().RemoveContainer(id).ok() && stopped;
  });
  ASSERT_EQ(kill(node().WaitForStalled("delete"), SIGKILL), 0);
  node().Release("delete");
  stop.get();
  Must(cri().RemoveContainer(id));  // the first retry
  EXPECT_THAT(Containers(), IsEmpty());
}

// --- CNI plugins ---

class PluginDeathTest : public FaultTest, public ::testing::WithParamInterface<std::pair<const char*, Moment>> {};

TEST_P(PluginDeathTest, FailsTheRunAndLeavesNothing) {
  const auto& [command, moment] = GetParam();
  node().WriteCniConfig("e2e-bridge", "e2e-last");
  node().Stall(command, moment);
  auto run = std::async(std::launch::async, [&] { return cri().RunPod(PodConfig("plugin")); });
  ASSERT_EQ(kill(node().WaitForStalled(command), SIGKILL), 0);
  const auto answer = run.get();
  node().Release(command);
  EXPECT_EQ(answer.code(), grpc::INTERNAL) << Describe(answer.status);
  EXPECT_THAT(answer.text(), ::testing::HasSubstr("e2e-"));
  EXPECT_THAT(Pods(), IsEmpty());
  EXPECT_EQ(Leftovers(), "");
  ExpectPodsWork("plugin");
}

INSTANTIATE_TEST_SUITE_P(At, PluginDeathTest,
                         ::testing::Values(std::pair("ADD", Moment::kBefore), std::pair("ADD", Moment::kAfter),
                                           std::pair("last-ADD", Moment::kBefore)),
                         [](const auto& at) { return NameOf(at.param); });

TEST_F(FaultTest, WhatCouldNotBeUndoneIsClearedAwayByTheNextAttempt) {
  node().WriteCniConfig("e2e-bridge", "e2e-last");
  node().Fail("last-ADD", "broken", 1);
  node().Fail("DEL", "broken too", 1);
  const auto answer = cri().RunPod(PodConfig("again"));
  EXPECT_THAT(answer.text(), ::testing::AllOf(::testing::HasSubstr("broken"), ::testing::HasSubstr("undo it")));
  ASSERT_THAT(Pods(), SizeIs(1));
  EXPECT_EQ(Pods()[0].state(), cri::SANDBOX_NOTREADY);
  node().Restart();
  EXPECT_THAT(Pods(), SizeIs(1));
  EXPECT_FALSE(cri().RunPod(PodConfig("again")).ok());
  node().ReleaseAll();
  const PodRef pod = RunPod("again");
  EXPECT_THAT(Pods(), SizeIs(1));
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_READY);
}

TEST_F(FaultTest, ARemoveThatMeetsAStartWaitsForItAndLeavesNothing) {
  const PodRef pod = RunPod("racing");
  for (const Moment moment : {Moment::kBefore, Moment::kAfter}) {
    const std::string id = Create(pod, ContainerOf("removed", "sleep 11111"));
    node().Stall("start", moment);
    auto start = std::async(std::launch::async, [&] { return cri().StartContainer(id); });
    node().WaitForStalled("start");
    auto remove = std::async(std::launch::async, [&] { return cri().RemoveContainer(id); });
    EXPECT_EQ(remove.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
    auto joined = std::async(std::launch::async, [&] { return cri().StartContainer(id); });
    EXPECT_EQ(joined.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
    node().Release("start");
    Must(start.get());
    Must(joined.get());
    Must(remove.get());
    EXPECT_EQ(cri().ContainerStatus(id).code(), grpc::NOT_FOUND);
    EXPECT_FALSE(Runs("sleep 11111"));
  }
  Must(cri().RemovePod(pod.id));
  EXPECT_EQ(Leftovers(), "");
}

TEST_F(FaultTest, APluginKilledInDelIsMadeUpForByTheNextStop) {
  node().WriteCniConfig("e2e-bridge");
  const PodRef pod = RunPod("del");
  node().Stall("DEL");
  auto stop = std::async(std::launch::async, [&] { return cri().StopPod(pod.id); });
  ASSERT_EQ(kill(node().WaitForStalled("DEL"), SIGKILL), 0);
  EXPECT_FALSE(stop.get().ok());
  node().Release("DEL");
  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_NOTREADY);
  Must(cri().StopPod(pod.id));
  Must(cri().RemovePod(pod.id));
  EXPECT_EQ(Leftovers(), "");
}

// --- The daemon, at every step of what it does ---

class DaemonDeathTest : public FaultTest, public ::testing::WithParamInterface<std::pair<const char*, Moment>> {
 protected:
  void SetUp() override {
    FaultTest::SetUp();
    if (!IsSkipped()) node().WriteCniConfig("e2e-bridge", "e2e-last");
  }
  const char* command() const { return GetParam().first; }
  // Kills the daemon while the command stalls for the sake of `work`.
  void KillWhileStalled(const std::function<void()>& work) {
    node().Stall(command(), GetParam().second);
    auto call = std::async(std::launch::async, work);
    node().WaitForStalled(command());
    node().Kill();
    call.get();
  }
  // And starts it again, and lets go.
  void KillInTheMiddle(const std::function<void()>& work) {
    KillWhileStalled(work);
    auto release = std::async(std::launch::async, [&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));  // the new daemon meets it stalled
      node().Release(command());
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
                         ::testing::Values(std::pair("ADD", Moment::kBefore), std::pair("ADD", Moment::kAfter),
                                           std::pair("last-ADD", Moment::kBefore),
                                           std::pair("last-ADD", Moment::kAfter), std::pair("create", Moment::kBefore),
                                           std::pair("create", Moment::kAfter), std::pair("start", Moment::kBefore),
                                           std::pair("start", Moment::kAfter)),
                         [](const auto& at) { return NameOf(at.param); });

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
    EXPECT_FALSE(Runs("sleep 11111")) << "it runs, though it is said to have exited";
  }
  EXPECT_EQ(RunToEnd(pod, ContainerOf("next", "exit 11")).exit_code(), 11);
  Must(cri().RemoveContainer(id));
  EXPECT_FALSE(Runs("sleep 11111"));
}

// The kubelet need not ask again for what it may take for started.
TEST_P(DaemonDeathInStartTest, TheContainerRunsWithoutBeingAskedForAgain) {
  const PodRef pod = RunPod("start");
  const std::string id = Create(pod, ContainerOf("caught", "while [ ! -e /tmp/go ]; do sleep 0.01; done; exit 23"));
  KillWhileStalled([&] { cri().StartContainer(id); });
  node().Start();
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_CREATED);
  node().Release(command());
  WaitFor("the container to run", std::chrono::seconds(10),
          [&] { return StatusOf(id).state() == cri::CONTAINER_RUNNING; });
  node().Restart();
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_RUNNING) << "it is on record";
  cri().Exec(id, {"touch", "/tmp/go"});  // the end of the container may overtake its own
  EXPECT_EQ(WaitForExit(id).exit_code(), 23);
}

TEST_P(DaemonDeathInStartTest, AStopWaitsForTheStartAndLeavesNoProcess) {
  const PodRef pod = RunPod("start");
  const std::string id = Create(pod, ContainerOf("caught", "sleep 11111"));
  KillWhileStalled([&] { cri().StartContainer(id); });
  node().Start();
  auto stop = std::async(std::launch::async, [&] { return cri().StopContainer(id, 0); });
  EXPECT_EQ(stop.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  node().Release(command());
  Must(stop.get());
  EXPECT_FALSE(Runs("sleep 11111"));
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(StatusOf(id).exit_code(), 137);
}

INSTANTIATE_TEST_SUITE_P(At, DaemonDeathInStartTest,
                         ::testing::Values(std::pair("create", Moment::kBefore), std::pair("create", Moment::kAfter),
                                           std::pair("start", Moment::kBefore), std::pair("start", Moment::kAfter)),
                         [](const auto& at) { return NameOf(at.param); });

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
                         ::testing::Values(std::pair("DEL", Moment::kBefore), std::pair("DEL", Moment::kAfter),
                                           std::pair("last-DEL", Moment::kBefore), std::pair("delete", Moment::kBefore),
                                           std::pair("delete", Moment::kAfter)),
                         [](const auto& at) { return NameOf(at.param); });

class AnyMomentTest : public FaultTest {
 protected:
  // Starts `work`, kills the daemon a while later, starts it again.
  void KillAfter(std::chrono::milliseconds delay, const std::function<void()>& work) {
    auto call = std::async(std::launch::async, work);
    std::this_thread::sleep_for(delay);
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

// --- The machine ---

class RebootTest : public FaultTest {
 protected:
  void SetUp() override {
    FaultTest::SetUp();
    if (!IsSkipped()) WriteFile(Rules(), e2e::Run("/usr/sbin/iptables-save", {}));
  }
  std::string Rules() { return node().directory() + "/rules"; }

  // Takes what a reboot takes, and leaves what is on disk: every process goes without a word, then what was mounted or
  // kept in memory or by the kernel. Then starts the daemon, which sees another boot.
  void Reboot(const std::vector<PodRef>& pods, const std::vector<std::string>& running) {
    std::vector<pid_t> processes;
    for (const PodRef& pod : pods) processes.insert(processes.end(), {ShimOf(pod), PidOf(pod.id)});
    for (const std::string& container : running) processes.push_back(PidOf(container));
    node().Kill();
    for (const pid_t pid : processes) kill(pid, SIGKILL);
    WaitFor("every process to be gone", std::chrono::seconds(10), [&] {
      return std::none_of(processes.begin(), processes.end(), [](pid_t pid) { return kill(pid, 0) == 0; });
    });
    std::vector<std::string> mounts = Lines(ReadFile("/proc/self/mountinfo"));
    for (auto line = mounts.rbegin(); line != mounts.rend(); ++line) {
      std::istringstream fields(*line);
      std::string field;
      for (int i = 0; i < 5; ++i) fields >> field;
      for (const std::string& place : {node().state(), node().root(), std::string("/run/netns")}) {
        if (field.rfind(place + "/", 0) == 0) e2e::Run("/bin/umount", {"--lazy", field});
      }
    }
    for (const std::string& place : {node().state(), std::string("/run/netns")}) std::filesystem::remove_all(place);
    RemoveCgroups(node().cgroup_parent());
    for (const char* away : {"--flush", "--delete-chain"}) e2e::Run("/usr/sbin/iptables", {"-t", "nat", away});
    e2e::Run("/usr/sbin/iptables-restore", {Rules()});
    const std::string boot_id = node().directory() + "/boot_id";
    WriteFile(boot_id, "11111111-2222-3333-4444-555555555555\n");
    e2e::Run("/bin/mount", {"--bind", boot_id, "/proc/sys/kernel/random/boot_id"});
    node().Start();
    e2e::Run("/bin/umount", {"/proc/sys/kernel/random/boot_id"});
  }
};

TEST_F(RebootTest, EndsEveryContainerOnceAndThePodsCanBeClearedAway) {
  const PodRef pod = RunPod("rebooted");
  const PodRef stopped = RunPod("stopped");
  const std::string running = Start(pod, ContainerOf("running", "sleep 11111"));
  const std::string ended = Start(pod, ContainerOf("ended", "exit 3"));
  const std::string created = Create(pod, ContainerOf("created", "exit 4"));
  const std::string ended_before = WaitForExit(ended).DebugString();
  Must(cri().StopPod(stopped.id));
  Reboot({pod}, {running});

  EXPECT_EQ(PodStatus(pod.id).state(), cri::SANDBOX_NOTREADY);
  EXPECT_EQ(PodStatus(stopped.id).state(), cri::SANDBOX_NOTREADY);
  const cri::ContainerStatus lost = StatusOf(running);
  EXPECT_EQ(lost.state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(lost.exit_code(), 255);
  EXPECT_EQ(lost.reason(), "Unknown");
  EXPECT_GT(lost.finished_at(), lost.started_at());
  EXPECT_EQ(StatusOf(ended).DebugString(), ended_before);
  EXPECT_FALSE(cri().StartContainer(created).ok());

  node().Restart();
  EXPECT_EQ(StatusOf(running).DebugString(), lost.DebugString()) << "it has exited once";
  for (const PodRef& one : {pod, stopped}) {
    Must(cri().StopPod(one.id));
    Must(cri().StopPod(one.id));
    Must(cri().RemovePod(one.id));
  }
  EXPECT_EQ(Leftovers(), "");
  ExpectPodsWork("after");
}

}  // namespace
}  // namespace crisp::e2e
