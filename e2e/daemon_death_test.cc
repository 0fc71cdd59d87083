// What must hold after crispd has died, or has been told to end: workloads go on, nothing is forgotten, and the first
// retry of what was under way succeeds.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <stdexcept>

#include "base/clock.h"
#include "e2e/fault_fixture.h"

namespace crisp::e2e {
namespace {

constexpr std::chrono::seconds kSoon{10};

TEST_F(FaultTest, WorkloadsAndRecordsOutliveTheDaemon) {
  const PodRef pod = RunPod("alive");
  const std::string counter = Start(pod, ContainerOf("counter", kCounter));
  const std::string leaver = Start(pod, ContainerOf("leaver", kLeaver));
  const std::string ended = Start(pod, ContainerOf("ended", "exit 3"));
  const std::string created = Create(pod, ContainerOf("created", "exit 4"));
  WaitForExit(ended);
  const PodRef stopped = RunPod("stopped");
  Must(cri().StopPod(stopped.id));
  const std::string counter_before = StatusOf(counter).DebugString() + Identity(PidOf(counter));
  const std::string pod_before = PodStatus(pod.id).DebugString() + Identity(PidOf(pod.id));
  const std::string ended_before = StatusOf(ended).DebugString();
  const std::string stopped_before = PodStatus(stopped.id).DebugString();
  const pid_t leaver_pid = PidOf(leaver);

  node().Kill();
  const int lines_then = CountedLinesNow(pod.LogPath("counter"));
  WaitFor("the log to grow while there is no daemon", kSoon,
          [&] { return CountedLinesNow(pod.LogPath("counter")) > lines_then + 10; });
  const int64_t let_go_at = WallNanos();
  LetGo(leaver_pid);
  WaitFor("the exit to be recorded while there is no daemon", kSoon, [&] { return ExitIsRecorded(leaver); });
  const int64_t left_before = WallNanos();
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
  EXPECT_GT(left.finished_at(), let_go_at);
  EXPECT_LT(left.finished_at(), left_before);

  EXPECT_EQ(Sh(counter, "echo works"), "works\n");
  Must(cri().StartContainer(created));
  EXPECT_EQ(WaitForExit(created).exit_code(), 4);
  Must(cri().StopContainer(counter, 0));
  EXPECT_EQ(StatusOf(counter).exit_code(), 137);
  EXPECT_GT(CountedLines(ReadFile(pod.LogPath("counter"))), lines_then);
}

TEST_F(FaultTest, AnExitAfterTheRestartIsReported) {
  const PodRef pod = RunPod("later");
  const std::string id = Start(pod, ContainerOf("later", kLeaver));
  node().Restart();
  LetGo(PidOf(id));
  EXPECT_EQ(WaitForExit(id).exit_code(), 23);
}

TEST_F(FaultTest, LogsAreReopenedAfterARestart) {
  const PodRef pod = RunPod("reopen");
  const std::string id = Start(pod, ContainerOf("counter", kCounter));
  const std::string path = pod.LogPath("counter");
  const auto has_lines = [](const std::string& file, size_t bytes) {
    WaitFor("lines in " + file, kSoon, [&] { return ReadFile(file).size() > bytes; });
  };
  has_lines(path, 1000);
  node().Kill();
  std::filesystem::rename(path, path + ".0");
  has_lines(path + ".0", ReadFile(path + ".0").size() + 1000);
  node().Start();
  Must(cri().ReopenLog(id));
  has_lines(path, 1000);
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

TEST_F(FaultTest, SigtermEndsItSoonWhateverIsInProgress) {
  node().WriteCniConfig(kBridge);
  const PodRef pod = RunPod("running");
  const std::string container = Start(pod, ContainerOf("sleeper", "trap '' TERM; sleep 1000"));
  node().wrappers().Stall("ADD");
  auto run = std::async(std::launch::async, [&] { return cri().RunPod(PodConfig("stalls")); });
  node().wrappers().WaitForStalled("ADD");
  auto stop = std::async(std::launch::async, [&] { return cri().StopContainer(container, 60); });
  WaitFor("the stop signal", kSoon, [&] { return node().Log().find("StopContainer") != std::string::npos; });
  const MonoTime begin = MonoClock::now();
  EXPECT_EQ(node().Terminate(), 0);
  EXPECT_LT(MonoClock::now() - begin, std::chrono::milliseconds(2500));
  EXPECT_FALSE(run.get().ok());
  EXPECT_FALSE(stop.get().ok());
  node().wrappers().ReleaseAll();
  node().Start();
  EXPECT_EQ(StatusOf(container).state(), cri::CONTAINER_RUNNING);
  ExpectPodsWork("stalls");
}

TEST_F(FaultTest, AStartDoesNotWaitForAPluginThatHangs) {
  node().WriteCniConfig(kBridge);
  node().wrappers().Stall("ADD");
  auto run = std::async(std::launch::async, [&] { return cri().RunPod(PodConfig("half")); });
  node().wrappers().WaitForStalled("ADD");
  node().Kill();
  EXPECT_FALSE(run.get().ok());
  node().wrappers().Release("ADD");
  node().wrappers().Stall("DEL");
  const MonoTime begin = MonoClock::now();
  node().Start();
  EXPECT_LT(MonoClock::now() - begin, std::chrono::seconds(5));
  node().wrappers().WaitForStalled("DEL");
  EXPECT_THAT(Pods(), IsEmpty());
  ExpectPodsWork("other");
  node().wrappers().ReleaseAll();
}

TEST_F(FaultTest, CallsToAStoppedShimEndAtTheirOwnTimeouts) {
  const PodRef pod = RunPod("stopped");
  const std::string container = Start(pod, ContainerOf("sleeper", "sleep 1000"));
  const pid_t shim = ShimOf(pod);
  kill(shim, SIGSTOP);
  cri::ExecSyncRequest exec;
  exec.set_container_id(container);
  exec.add_cmd("true");
  exec.set_timeout(1);
  const MonoTime begin = MonoClock::now();
  EXPECT_EQ(cri().Call(&cri::RuntimeService::Stub::ExecSync, exec).code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_LT(MonoClock::now() - begin, std::chrono::seconds(10));
  const MonoTime stop = MonoClock::now();
  EXPECT_FALSE(cri().StopContainer(container, 1).ok());
  EXPECT_LT(MonoClock::now() - stop, std::chrono::seconds(25));
  kill(shim, SIGCONT);
  Must(cri().StopContainer(container, 0));
}

TEST_F(FaultTest, ManyRestartsInARowChangeNothing) {
  const PodRef one = RunPod("one");
  Start(one, ContainerOf("counter", kCounter));
  RunPod("two");
  const std::string before = Everything();
  for (int i = 0; i < 5; ++i) node().Restart();
  EXPECT_EQ(Everything(), before);
}

TEST_F(FaultTest, TheDaemonRestartsWhileManyContainersExit) {
  const PodRef pod = RunPod("storm");
  std::vector<std::string> ids;
  std::vector<pid_t> pids;
  for (int i = 0; i < 8; ++i) {
    ids.push_back(Start(pod, ContainerOf("c" + std::to_string(i), kLeaver)));
    pids.push_back(PidOf(ids.back()));
  }
  node().Kill();
  for (int i = 0; i < 4; ++i) LetGo(pids[i]);
  WaitFor("an exit while there is no daemon", kSoon, [&] { return ExitIsRecorded(ids[0]); });
  auto others = std::async(std::launch::async, [&] {
    for (int i = 4; i < 8; ++i) LetGo(pids[i]);
  });
  node().Start();
  others.get();
  for (const std::string& id : ids) EXPECT_EQ(WaitForExit(id).exit_code(), 23);
}

// Each pod and container has a copy of its record beside it.
TEST_F(FaultTest, PodsOutliveALostDatabase) {
  const PodRef pod = RunPod("alive");
  const std::string counter = Start(pod, ContainerOf("counter", kCounter));
  const std::string ended = RunToEnd(pod, ContainerOf("ended", "exit 3")).id();
  const PodRef stopped = RunPod("stopped");
  Must(cri().StopPod(stopped.id));
  const std::string before = Everything();

  node().Kill();
  WriteFile(node().paths().root() + "/crisp.db", "no database");
  node().Start();
  EXPECT_EQ(Everything(), before);
  EXPECT_EQ(Sh(counter, "echo works"), "works\n");
  EXPECT_EQ(StatusOf(ended).exit_code(), 3);
  Must(cri().StopContainer(counter, 0));
  CountedLines(ReadFile(pod.LogPath("counter")));
  RemoveAllPods();
  EXPECT_EQ(Leftovers(), "");
  // Images are forgotten with the database, and can be pulled again.
  Must(cri().Pull(kBusybox));
  ExpectPodsWork("after");
}

// Writes the version into a closed database: 4 bytes at offset 60 (SQLite, "Database File Format", 1.3).
void SetDatabaseVersion(const std::string& path, char version) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(60);
  file.write("\0\0\0", 3).put(version);
  ASSERT_TRUE(file.good()) << path;
}

TEST_F(FaultTest, ADatabaseOfANewerCrispIsRefusedAndKept) {
  RunPod("alive");
  const std::string before = Everything();
  const std::string database = node().paths().root() + "/crisp.db";
  node().Terminate();
  SetDatabaseVersion(database, 99);
  EXPECT_THROW(node().Start(), std::runtime_error);
  const std::string log = node().Log();
  EXPECT_NE(log.find(database + " has version 99"), std::string::npos) << log;
  EXPECT_NE(log.find("Install that one again"), std::string::npos);
  EXPECT_EQ(log.find("set aside"), std::string::npos);
  SetDatabaseVersion(database, 1);
  node().Start();
  EXPECT_EQ(Everything(), before);
}

}  // namespace
}  // namespace crisp::e2e
