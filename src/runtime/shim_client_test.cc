// The real shim with the real runc. Needs root, runc and busybox-static.
#include "runtime/shim_client.h"

#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <future>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/testing/kept_span.h"
#include "base/testing/wait.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/process.h"
#include "os/unix_socket.h"
#include "runtime/cleanup.h"
#include "runtime/test_pod.h"
#include "shim/codec.h"
#include "shim/exit_record.h"
#include "shim/messages.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

class ShimTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!Exists("/usr/sbin/runc")) GTEST_SKIP() << "needs runc";
    const absl::Status launched = pod_.Launch();
    ASSERT_TRUE(launched.ok()) << launched;
  }
  void TearDown() override {
    if (HasFailure()) GTEST_LOG_(INFO) << "shim log:\n" << ShimLog();
  }

  std::string ShimLog() { return ReadFileAt(AT_FDCWD, pod_.paths.log, 1 << 20).value_or("(none)"); }

  pid_t MustRun(const std::string& id, const std::string& script) {
    const auto started = pod_.Run(id, TestPod::Shell(script));
    EXPECT_TRUE(started.ok()) << started.status();
    return started.ok() ? started->pid : -1;
  }

  static std::string CommandLine(pid_t pid) {
    std::string words = ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/cmdline"), 4096).value_or("");
    std::replace(words.begin(), words.end(), '\0', ' ');
    return words;
  }
  // The pids of the shim's children, of those too that it has not reaped yet.
  std::vector<std::string> ShimChildren() {
    const std::string path = absl::StrCat("/proc/", pod_.client->pid(), "/task/", pod_.client->pid(), "/children");
    return absl::StrSplit(ReadFileAt(AT_FDCWD, path, 4096).value_or(""), ' ', absl::SkipEmpty());
  }

  // The directories that execs of the container have made.
  std::vector<std::string> ExecCgroups(const std::string& id) {
    std::vector<std::string> found;
    for (const cgroup::Dir& dir : pod_.Cgroups(id)) {
      for (const std::string& name : ListDir(dir.path).value_or(std::vector<std::string>())) {
        if (absl::StartsWith(name, "exec-")) found.push_back(dir.path + "/" + name);
      }
    }
    return found;
  }
  std::vector<pid_t> ExecProcesses(const std::string& id) {
    cgroup::Dirs dirs;
    for (const std::string& path : ExecCgroups(id)) dirs.push_back({path, "", false});
    return cgroup::Processes(dirs);
  }
  int RemoveExecCgroups(const std::string& id) {
    int removed = 0;
    for (const std::string& path : ExecCgroups(id)) removed += rmdir(path.c_str()) == 0 ? 1 : 0;
    return removed;
  }

  TestPod pod_;
};

// ---- start and exit ----

TEST_F(ShimTest, ExitCodeTimeLogAndRecordAreExact) {
  const int64_t before = WallNanos();
  MustRun("a", "echo hello; echo problem >&2; exit 7");
  const ContainerExit exit = pod_.listener.AwaitExit("a");
  EXPECT_EQ(exit.exit_code, 7);
  EXPECT_GT(exit.finished_at, before);
  EXPECT_LE(exit.finished_at, WallNanos());
  EXPECT_FALSE(exit.oom_killed);
  EXPECT_THAT(pod_.Log("a"), testing::ContainsRegex("^[0-9T:.-]+Z stdout F hello\n"));
  EXPECT_THAT(pod_.Log("a"), HasSubstr(" stderr F problem\n"));
  shim::ExitRecord record;
  ASSERT_EQ(shim::ReadExitRecord(pod_.Path("a/exit"), &record), 0);
  EXPECT_EQ(record, (shim::ExitRecord{7, exit.finished_at, false}));
}

TEST_F(ShimTest, TheRunsOfTheRuntimeArePartsOfACallThatIsTraced) {
  KeptSpan span;
  const CallContext traced = TestPod::call().TracedIn(span.context(), &span);
  const MonoTime before = MonoClock::now();
  ASSERT_TRUE(pod_.client->Start(pod_.Bundle("a", TestPod::Shell("sleep 1000")), traced).ok());
  ExecRequest exec{"a", TestPod::Process(TestPod::Shell("exit 3")), std::chrono::seconds(0), 1 << 20};
  EXPECT_EQ(pod_.client->Exec(exec, traced).value().exit_code, 3);
  MonoTime latest = before;
  std::vector<std::string> names;
  for (const SpanPart& part : span.parts()) {
    EXPECT_GE(part.begun, latest) << part.name;
    EXPECT_GT(part.ended, part.begun) << part.name;
    latest = part.ended;
    names.push_back(part.name);
  }
  EXPECT_LE(latest, MonoClock::now());
  EXPECT_THAT(names, ElementsAre("OCI runtime create", "OCI runtime start", "OCI runtime exec"));
}

TEST_F(ShimTest, StartedPidIsTheContainersFirstProcess) {
  const pid_t pid = MustRun("a", "sleep 1000");
  EXPECT_EQ(cgroup::Processes(pod_.Cgroups("a")).front(), pid);
  const std::string cmdline = absl::StrCat("/proc/", pid, "/cmdline");
  EXPECT_TRUE(Eventually([&] {
    return absl::StartsWith(ReadFileAt(AT_FDCWD, cmdline, 4096).value_or(""), absl::string_view("sleep\0001000", 10));
  }));
}

TEST_F(ShimTest, ASignalIsTheExitCode) {
  MustRun("a", "trap 'exit 3' TERM; while :; do sleep 0.05; done");
  MustRun("b", "sleep 1000");
  ASSERT_TRUE(
      Eventually([&] { return pod_.Exec("a", "grep -q 'SigCgt.*4...$' /proc/1/status").value().exit_code == 0; }));
  EXPECT_TRUE(pod_.client->Kill("a", SIGTERM, false, TestPod::call()).ok());
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 3);
  EXPECT_TRUE(pod_.client->Kill("b", SIGKILL, false, TestPod::call()).ok());
  EXPECT_EQ(pod_.listener.AwaitExit("b").exit_code, 137);
  EXPECT_TRUE(pod_.client->Kill("b", SIGTERM, false, TestPod::call()).ok()) << "of one that has exited";
  EXPECT_TRUE(pod_.client->Kill("b", SIGTERM, true, TestPod::call()).ok());
  EXPECT_FALSE(pod_.client->Kill("none", SIGTERM, false, TestPod::call()).ok());
}

// In every hierarchy of this machine.
void MoveToRootCgroups(pid_t pid) {
  glob_t found{};
  for (const char* pattern : {"/sys/fs/cgroup/*/cgroup.procs", "/sys/fs/cgroup/cgroup.procs"}) {
    if (glob(pattern, 0, nullptr, &found) != 0) continue;
    for (size_t i = 0; i < found.gl_pathc; ++i) {
      const absl::StatusOr<Fd> procs = OpenAt(AT_FDCWD, found.gl_pathv[i], O_WRONLY);
      if (procs.ok()) WriteAll(procs->get(), absl::StrCat(pid), found.gl_pathv[i]).IgnoreError();
    }
    globfree(&found);
  }
}

TEST_F(ShimTest, AFirstProcessThatHasLeftItsCgroupsIsKilled) {
  for (const bool removed : {false, true}) {
    const std::string id = removed ? "removed" : "left";
    const auto started = pod_.Run(id, TestPod::Shell("sleep 1000"));
    ASSERT_TRUE(started.ok()) << started.status();
    MoveToRootCgroups(started->pid);
    const absl::StatusOr<cgroup::Dirs> dirs = ContainerCgroups(pod_.CgroupsPath(id), /*systemd=*/false);
    ASSERT_TRUE(dirs.ok());
    ASSERT_TRUE(cgroup::Processes(*dirs).empty());
    if (removed) {
      ASSERT_TRUE(RemoveCgroups(*dirs).ok());
    }
    EXPECT_TRUE(pod_.client->Kill(id, SIGKILL, true, TestPod::call()).ok());
    EXPECT_EQ(pod_.listener.AwaitExit(id).exit_code, 137);
    EXPECT_TRUE(pod_.client->Delete(id, TestPod::call()).ok());
  }
}

TEST_F(ShimTest, OutputWithoutNewlineAndLongLinesComeBackByteForByte) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("printf 'abcdefghijklmnop\\nshort\\n\\ntail'"));
  request.log_line_limit = 8;
  ASSERT_TRUE(pod_.client->Start(request, TestPod::call()).ok());
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 0);
  EXPECT_EQ(pod_.Output("a"), "abcdefghijklmnop\nshort\n\ntail");
}

TEST_F(ShimTest, WithoutALogOutputIsDropped) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("echo hello; exit 4"));
  request.log_path.clear();
  ASSERT_TRUE(pod_.client->Start(request, TestPod::call()).ok());
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 4);
  EXPECT_FALSE(Exists(pod_.Path("a.log")));
}

TEST_F(ShimTest, ManyShortContainersEachTellTheirOwnCode) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      // Bundle is not for several threads at once.
      static Mutex mutex;
      StartRequest request;
      {
        MutexLock lock(mutex);
        request = pod_.Bundle(absl::StrCat("c", i), TestPod::Shell(absl::StrCat("exit ", 10 + i)));
      }
      const auto started = pod_.client->Start(request, TestPod::call());
      ASSERT_TRUE(started.ok()) << started.status();
      EXPECT_EQ(pod_.listener.AwaitExit(request.container_id).exit_code, 10 + i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ShimTest, WithoutAPidNamespaceNobodyOutlivesTheFirstProcess) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("setsid sleep 1000 & setsid sleep 1000 & exit 5"),
                                     [](nlohmann::json& config) { config["linux"]["namespaces"].erase(0); });
  ASSERT_TRUE(pod_.client->Start(request, TestPod::call()).ok());
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 5);
  EXPECT_TRUE(cgroup::Processes(pod_.Cgroups("a")).empty());
  // Orphans that died are not left as the shim's zombies either.
  EXPECT_TRUE(Eventually([&] { return ShimChildren().empty(); }));
}

TEST_F(ShimTest, AnOomKillIsTold) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("tail -c 200m /dev/zero"), [](nlohmann::json& config) {
    config["linux"]["resources"] = {{"memory", {{"limit", 16 << 20}}}};
  });
  ASSERT_TRUE(pod_.client->Start(request, TestPod::call()).ok());
  const ContainerExit exit = pod_.listener.AwaitExit("a");
  EXPECT_EQ(exit.exit_code, 137);
  EXPECT_TRUE(exit.oom_killed);
}

TEST_F(ShimTest, AnOomKillThatTheFirstProcessSurvivesIsTold) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("tail -c 200m /dev/zero; sleep 100000"), [](auto& config) {
    config["linux"]["resources"] = {{"memory", {{"limit", 16 << 20}}}};
  });
  ASSERT_TRUE(pod_.client->Start(request, TestPod::call()).ok());
  EXPECT_TRUE(pod_.listener.AwaitOomKills("a", 1));
  EXPECT_EQ(pod_.listener.exits(), 0);
}

// ---- starts that fail ----

TEST_F(ShimTest, AMissingBinaryIsToldInTheRuntimesWordsAndNothingIsLeft) {
  const auto started = pod_.Run("a", {"/bin/nosuch"});
  EXPECT_EQ(started.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(started.status().message()), HasSubstr("create: "));
  EXPECT_THAT(std::string(started.status().message()),
              HasSubstr("exec: \"/bin/nosuch\": stat /bin/nosuch: no such file"));
  EXPECT_EQ(pod_.Leftovers("a"), "");
  EXPECT_TRUE(pod_.client->List(TestPod::call())->empty());
  EXPECT_EQ(pod_.listener.exits(), 0);
}

TEST_F(ShimTest, AnIdCanBeUsedAgainAfterAFailure) {
  EXPECT_FALSE(pod_.Run("a", {"/bin/nosuch"}).ok());
  MustRun("a", "exit 0");
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 0);
  EXPECT_FALSE(pod_.Run("a", TestPod::Shell("exit 0")).ok()) << "the shim still has it";
  EXPECT_TRUE(pod_.client->Delete("a", TestPod::call()).ok());
  EXPECT_EQ(pod_.Leftovers("a"), "");
  MustRun("a", "exit 0");
}

TEST_F(ShimTest, AMissingRuntimeIsNamed) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("exit 0"));
  request.runtime.binary = "/nosuch/runc";
  const auto started = pod_.client->Start(request, TestPod::call());
  EXPECT_THAT(std::string(started.status().message()), HasSubstr("/nosuch/runc: No such file or directory"));
}

TEST_F(ShimTest, ALogThatCannotBeOpenedIsAnErrorBeforeAnythingIsMade) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("exit 0"));
  request.log_path = "/proc/nosuch/0.log";
  const auto started = pod_.client->Start(request, TestPod::call());
  EXPECT_THAT(std::string(started.status().message()), HasSubstr("open log: /proc/nosuch/0.log: No such file"));
  EXPECT_EQ(pod_.Leftovers("a"), "");
}

// A runtime that stalls at one of its commands, with a child of its own, which ends soon after it; the file
// "<path>.stalled" tells that it does. Its delete is slow, so that what the client does at its own deadline falls into
// the clean-up.
std::string StallingRuntime(const TestPod& pod, const std::string& command) {
  const std::string path = pod.Path("stall-" + command);
  const std::string script =
      absl::StrCat("#!/bin/sh\ncase \" $* \" in *' ", command,
                   " '*) touch $0.stalled; sh -c 'while [ -d /proc/$PPID ]; do sleep 0.1; done'; "
                   "exit 1;; *' delete '*) sleep 0.2; esac\nexec /usr/sbin/runc \"$@\"\n");
  EXPECT_TRUE(WriteFileAt(AT_FDCWD, path, script, 0755).ok());
  return path;
}

class StalledRuntimeTest : public ShimTest, public testing::WithParamInterface<const char*> {};

TEST_P(StalledRuntimeTest, TheDeadlineEndsItAndNothingIsLeft) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("sleep 1000"));
  request.runtime.binary = StallingRuntime(pod_, GetParam());
  const MonoTime begin = MonoClock::now();
  const auto started = pod_.client->Start(request, CallContext::WithTimeout(milliseconds(1200)));
  EXPECT_EQ(started.status().code(), absl::StatusCode::kDeadlineExceeded) << started.status();
  EXPECT_THAT(std::string(started.status().message()), HasSubstr(GetParam()));
  EXPECT_LT(MonoClock::now() - begin, seconds(4));
  EXPECT_EQ(pod_.Leftovers("a"), "");
  EXPECT_TRUE(Eventually([&] { return ShimChildren().empty(); }));
}

INSTANTIATE_TEST_SUITE_P(Steps, StalledRuntimeTest, testing::Values("create", "start"));

TEST_F(ShimTest, ACancelledStartIsUndone) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("sleep 1000"));
  request.runtime.binary = StallingRuntime(pod_, "create");
  std::atomic<bool> cancelled{false};
  std::thread canceller([&] {
    EXPECT_TRUE(Eventually([&] { return Exists(request.runtime.binary + ".stalled"); }));
    cancelled = true;
  });
  const auto started = pod_.client->Start(request, CallContext(kNoDeadline, [&] { return cancelled.load(); }));
  canceller.join();
  EXPECT_EQ(started.status().code(), absl::StatusCode::kCancelled) << started.status();
  EXPECT_EQ(pod_.Leftovers("a"), "");
}

// ---- starts whose undo is not confirmed ----

// A runtime whose `command` runs until there is a file "go".
std::string WaitingRuntime(const TestPod& pod, const std::string& command) {
  const std::string path = pod.Path("wait-" + command);
  const std::string script =
      absl::StrCat("#!/bin/sh\ncase \" $* \" in *' ", command, " '*) while [ ! -e ", pod.Path("go"),
                   " ]; do sleep 0.01; done; esac\nexec /usr/sbin/runc \"$@\"\n");
  EXPECT_TRUE(WriteFileAt(AT_FDCWD, path, script, 0755).ok());
  return path;
}

void LetGo(const TestPod& pod) {
  EXPECT_TRUE(WriteFileAt(AT_FDCWD, pod.Path("go"), "", 0644).ok());
}

TEST_F(ShimTest, AStartWhoseUndoIsNotConfirmedIsUnknownAndARepeatedOneJoinsIt) {
  pod_.client->set_undo_timeout(milliseconds(200));
  StartRequest request = pod_.Bundle("a", TestPod::Shell("sleep 1000"));
  request.runtime.binary = WaitingRuntime(pod_, "delete");  // the undo of the start hangs in it
  request.bundle = pod_.Path("nosuch");                     // so `create` fails at once
  const auto first = pod_.client->Start(request, CallContext::WithTimeout(milliseconds(300)));
  EXPECT_EQ(first.status().code(), absl::StatusCode::kUnknown) << first.status();
  EXPECT_THAT(std::string(first.status().message()), HasSubstr("container a is undone: its start is undecided"));
  const auto second = pod_.client->Start(request, CallContext::WithTimeout(milliseconds(100)));
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnknown) << second.status();
  LetGo(pod_);
  const auto third = pod_.client->Start(request, TestPod::call());
  EXPECT_EQ(third.status().code(), absl::StatusCode::kInternal) << third.status();
  EXPECT_THAT(std::string(third.status().message()), HasSubstr("create: "));
  EXPECT_EQ(pod_.Leftovers("a"), "");
}

TEST_F(ShimTest, ADuplicateStartWaitsForTheFirstOneAndReturnsItsResult) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("sleep 1000"));
  request.runtime.binary = WaitingRuntime(pod_, "start");
  auto first = std::async(std::launch::async, [&] { return pod_.client->Start(request, TestPod::call()); });
  ASSERT_TRUE(Eventually([&] { return Exists(pod_.Path("a/init.pid")); }));
  auto second = std::async(std::launch::async, [&] { return pod_.client->Start(request, TestPod::call()); });
  EXPECT_EQ(second.wait_for(milliseconds(100)), std::future_status::timeout);
  LetGo(pod_);
  const auto started = first.get();
  const auto joined = second.get();
  ASSERT_TRUE(started.ok()) << started.status();
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_EQ(joined->pid, started->pid);
}

TEST_F(ShimTest, AStartInAStoppedShimIsUnknownAndARepeatedOneReturnsItsResult) {
  pod_.client->set_undo_timeout(milliseconds(200));
  const StartRequest request = pod_.Bundle("a", TestPod::Shell("sleep 1000"));
  ASSERT_EQ(kill(pod_.client->pid(), SIGSTOP), 0);
  const auto first = pod_.client->Start(request, CallContext::WithTimeout(milliseconds(100)));
  ASSERT_EQ(kill(pod_.client->pid(), SIGCONT), 0);
  EXPECT_EQ(first.status().code(), absl::StatusCode::kUnknown) << first.status();
  // The shim reads Start and Cancel together, and undoes the start.
  const auto second = pod_.client->Start(request, TestPod::call());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kCancelled) << second.status();
  EXPECT_EQ(pod_.Leftovers("a"), "");
  const auto third = pod_.client->Start(request, TestPod::call());
  EXPECT_TRUE(third.ok()) << "a decided start can be tried again: " << third.status();
}

TEST_F(ShimTest, AnUndecidedStartOfAShimThatDiesIsUnavailable) {
  pod_.client->set_undo_timeout(milliseconds(100));
  const StartRequest request = pod_.Bundle("a", TestPod::Shell("sleep 1000"));
  ASSERT_EQ(kill(pod_.client->pid(), SIGSTOP), 0);
  const auto first = pod_.client->Start(request, CallContext::WithTimeout(milliseconds(100)));
  EXPECT_EQ(first.status().code(), absl::StatusCode::kUnknown) << first.status();
  ASSERT_EQ(kill(pod_.client->pid(), SIGKILL), 0);
  const auto second = pod_.client->Start(request, TestPod::call());
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
}

TEST_F(ShimTest, ADeletedContainersUndecidedStartIsForgotten) {
  pod_.client->set_undo_timeout(milliseconds(100));
  const StartRequest request = pod_.Bundle("a", TestPod::Shell("sleep 1000"));
  ASSERT_EQ(kill(pod_.client->pid(), SIGSTOP), 0);
  EXPECT_EQ(pod_.client->Start(request, CallContext::WithTimeout(milliseconds(100))).status().code(),
            absl::StatusCode::kUnknown);
  ASSERT_EQ(kill(pod_.client->pid(), SIGCONT), 0);
  EXPECT_TRUE(Eventually([&] { return pod_.client->Delete("a", TestPod::call()).ok(); }));
  const auto started = pod_.client->Start(request, TestPod::call());
  EXPECT_TRUE(started.ok()) << started.status();
}

TEST_F(ShimTest, ARuntimeKilledWithKillNineIsATypedError) {
  const std::string path = pod_.Path("suicidal");
  const std::string script = "#!/bin/sh\ncase \" $* \" in *' start '*) kill -9 $$;; esac\nexec /usr/sbin/runc \"$@\"\n";
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, path, script, 0755).ok());
  StartRequest request = pod_.Bundle("a", TestPod::Shell("sleep 1000"));
  request.runtime.binary = path;
  const auto started = pod_.client->Start(request, TestPod::call());
  EXPECT_THAT(std::string(started.status().message()), HasSubstr("start: the runtime ended with status 137"));
  EXPECT_EQ(pod_.Leftovers("a"), "");
}

// ---- exec ----

TEST_F(ShimTest, ExecGivesBothStreamsAndTheCode) {
  MustRun("a", "sleep 1000");
  const auto result = pod_.Exec("a", "echo out; echo err >&2; exit 42");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 42);
  EXPECT_EQ(result->output, "out\n");
  EXPECT_EQ(result->error_output, "err\n");
  EXPECT_EQ(pod_.Exec("a", "kill -9 $$")->exit_code, 137);
}

TEST_F(ShimTest, ExecOfAMissingBinaryIsToldInTheRuntimesWords) {
  MustRun("a", "sleep 1000");
  const auto result = pod_.client->Exec({"a", TestPod::Process({"/bin/nosuch"}), seconds(0), 1000}, TestPod::call());
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("exec: \"/bin/nosuch\": stat /bin/nosuch"));
}

TEST_F(ShimTest, ExecNeedsARunningContainer) {
  EXPECT_THAT(std::string(pod_.Exec("none", "exit 0").status().message()), HasSubstr("not running"));
  MustRun("a", "exit 0");
  pod_.listener.AwaitExit("a");
  EXPECT_FALSE(pod_.Exec("a", "exit 0").ok());
}

TEST_F(ShimTest, ExecTimeoutKillsAlsoWhatHasDaemonised) {
  const pid_t pid = MustRun("a", "sleep 1000");
  const MonoTime begin = MonoClock::now();
  const auto result = pod_.Exec("a", "setsid sh -c 'sleep 1000 & sleep 1000' & sleep 1000", milliseconds(500));
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded) << result.status();
  EXPECT_LT(MonoClock::now() - begin, milliseconds(1500));
  EXPECT_THAT(cgroup::Processes(pod_.Cgroups("a")), ElementsAre(pid));
}

TEST_F(ShimTest, ACancelledExecIsKilled) {
  const pid_t pid = MustRun("a", "sleep 1000");
  std::atomic<bool> cancelled{false};
  std::thread canceller([&] {
    EXPECT_TRUE(Eventually([&] { return Exists(pod_.Path("rootfs/tmp/running")); }));
    cancelled = true;
  });
  const std::string process = TestPod::Process(TestPod::Shell("touch /tmp/running; sleep 1000"));
  const auto result =
      pod_.client->Exec({"a", process, seconds(0), 1000}, CallContext(kNoDeadline, [&] { return cancelled.load(); }));
  canceller.join();
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled) << result.status();
  EXPECT_THAT(cgroup::Processes(pod_.Cgroups("a")), ElementsAre(pid));
}

TEST_F(ShimTest, AChildThatKeepsThePipeDoesNotKeepTheAnswerAndLivesOn) {
  MustRun("a", "sleep 1000");
  const MonoTime begin = MonoClock::now();
  const auto result = pod_.Exec("a", "echo before; setsid sleep 1000 & exit 6");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 6);
  EXPECT_EQ(result->output, "before\n");
  EXPECT_LT(MonoClock::now() - begin, milliseconds(2500));
  EXPECT_EQ(cgroup::Processes(pod_.Cgroups("a")).size(), 2u);
  // What it left counts with the container now, and a later exec that is killed does not take it along.
  EXPECT_TRUE(Eventually([&] { return ExecProcesses("a").empty(); }));
  EXPECT_TRUE(absl::IsDeadlineExceeded(pod_.Exec("a", "sleep 1000", milliseconds(300)).status()));
  EXPECT_EQ(cgroup::Processes(pod_.Cgroups("a")).size(), 2u);
}

// Each new directory is a container to a kubelet's cAdvisor, unless its name ends in ".mount". Counted as cAdvisor sees
// them: by inotify(7) on the container's cgroups.
TEST_F(ShimTest, FiftyExecsMakeOneCgroup) {
  MustRun("a", "sleep 1000");
  const Fd watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  for (const cgroup::Dir& dir : pod_.Cgroups("a")) {
    if (!Exists(dir.path)) continue;
    ASSERT_GE(inotify_add_watch(watch.get(), dir.path.c_str(), IN_CREATE | IN_DELETE), 0) << dir.path;
  }
  for (int i = 0; i < 50; ++i) EXPECT_EQ(pod_.Exec("a", "exit 3")->exit_code, 3);
  std::vector<std::string> names;
  alignas(inotify_event) char buffer[65536];
  const ssize_t size = read(watch.get(), buffer, sizeof(buffer));
  for (ssize_t at = 0; at < size;) {
    const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
    names.emplace_back(event->name);
    at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
  }
  EXPECT_THAT(names, ElementsAre("exec-1.mount"));
}

TEST_F(ShimTest, ExecsThatRunAtTheSameTimeHaveCgroupsOfTheirOwn) {
  MustRun("a", "sleep 1000");
  std::atomic<bool> cancelled{false};
  std::thread killed([&] {
    const std::string process = TestPod::Process(TestPod::Shell("touch /tmp/one; sleep 1000"));
    const auto result =
        pod_.client->Exec({"a", process, seconds(0), 1000}, CallContext(kNoDeadline, [&] { return cancelled.load(); }));
    EXPECT_TRUE(absl::IsCancelled(result.status())) << result.status();
  });
  EXPECT_TRUE(Eventually([&] { return Exists(pod_.Path("rootfs/tmp/one")); }));
  std::thread other([&] {
    const auto result = pod_.Exec("a", "touch /tmp/two; until [ -e /tmp/over ]; do sleep 0.05; done; echo alive");
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->output, "alive\n") << "the end of the other one is not its own";
  });
  EXPECT_TRUE(Eventually([&] { return Exists(pod_.Path("rootfs/tmp/two")); }));
  cancelled = true;
  killed.join();
  EXPECT_TRUE(WriteFileAt(AT_FDCWD, pod_.Path("rootfs/tmp/over"), "", 0644).ok());
  other.join();
}

TEST_F(ShimTest, AnExecCgroupThatWasRemovedIsMadeAgain) {
  MustRun("a", "sleep 1000");
  EXPECT_EQ(pod_.Exec("a", "exit 3")->exit_code, 3);
  ASSERT_TRUE(Eventually([&] { return RemoveExecCgroups("a") == 1; }));
  EXPECT_EQ(pod_.Exec("a", "exit 4")->exit_code, 4);
}

// Signals that glibc keeps for itself are ignored in what its posix_spawn(3) starts, and stay so.
TEST_F(ShimTest, NoSignalIsIgnoredInAContainerOrAnExec) {
  MustRun("a", "grep SigIgn /proc/self/status; sleep 1000");
  const std::string none = "SigIgn:\t0000000000000000\n";
  EXPECT_TRUE(Eventually([&] { return pod_.Output("a") == none; })) << pod_.Output("a");
  // In a process that the shell forks: the shell itself ignores SIGQUIT.
  EXPECT_EQ(pod_.Exec("a", "grep SigIgn /proc/self/status; true")->output, none);
}

TEST_F(ShimTest, ADaemonThatGoesEndsItsExecsAndNotWhatOnesThatHaveEndedLeft) {
  const pid_t pid = MustRun("a", "sleep 1000");
  std::thread running([&] { EXPECT_FALSE(pod_.Exec("a", "touch /tmp/running; sleep 1000").ok()); });
  // Its pipe is held for a second more, in which the daemon goes.
  std::thread ended([&] { EXPECT_FALSE(pod_.Exec("a", "setsid sleep 2000 & touch /tmp/ended").ok()); });
  for (const char* name : {"rootfs/tmp/running", "rootfs/tmp/ended"}) {
    ASSERT_TRUE(Eventually([&] { return Exists(pod_.Path(name)); }));
  }
  const auto left = [&] {
    std::vector<pid_t> others = cgroup::Processes(pod_.Cgroups("a"));
    std::erase(others, pid);
    return others.size() == 1 && absl::StrContains(CommandLine(others[0]), "2000");
  };
  // The container, and the exec that runs: the shim has seen the end of the other one.
  ASSERT_TRUE(Eventually([&] { return ShimChildren().size() == 2; }));
  auto second = ShimClient::Connect(*pod_.reactor, "pod", pod_.paths, &pod_.listener, TestPod::call());
  ASSERT_TRUE(second.ok()) << second.status();
  running.join();
  ended.join();
  EXPECT_TRUE(Eventually(left));
  EXPECT_TRUE(Throughout(milliseconds(200), left)) << "and stays";
  pod_.client = *std::move(second);
}

TEST_F(ShimTest, OutputBeyondTheLimitIsDrainedAndDropped) {
  MustRun("a", "sleep 1000");
  const auto result =
      pod_.client->Exec({"a",
                         TestPod::Process(TestPod::Shell("dd if=/proc/self/exe bs=1M count=1 2>/dev/null | head -c 5; "
                                                         "yes 0123456789abcde | head -c 104857600; exit 9")),
                         seconds(0), 1 << 20},
                        TestPod::call());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 9);
  EXPECT_EQ(result->output.size(), size_t{1} << 20);
  EXPECT_EQ(result->output.substr(1, 3), "ELF");
  const auto status = ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pod_.client->pid(), "/status"), 8192);
  const std::string peak = std::string(absl::string_view(*status).substr(status->find("VmHWM:") + 6, 12));
  int peak_kb = 0;
  ASSERT_TRUE(absl::SimpleAtoi(absl::StripAsciiWhitespace(peak.substr(0, peak.find("kB"))), &peak_kb)) << peak;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(peak_kb, 2000);
#endif
}

TEST_F(ShimTest, ManyExecsAtOnceEachGetTheirOwnOutput) {
  MustRun("a", "sleep 1000");
  std::vector<std::thread> threads;
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back([&, i] {
      const auto result = pod_.Exec("a", absl::StrCat("echo ", i, "; exit ", i));
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->output, absl::StrCat(i, "\n"));
      EXPECT_EQ(result->exit_code, i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ShimTest, AnExecEndsWithItsContainer) {
  MustRun("a", "sleep 1000");
  std::thread killer([&] {
    EXPECT_TRUE(Eventually([&] { return Exists(pod_.Path("rootfs/tmp/running")); }));
    EXPECT_TRUE(pod_.client->Kill("a", SIGKILL, false, TestPod::call()).ok());
  });
  const auto result = pod_.Exec("a", "touch /tmp/running; sleep 1000");
  killer.join();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 137);
}

TEST_F(ShimTest, NothingIsLostWhileTheDaemonDoesNotRead) {
  MustRun("a", "sleep 1000");
  std::promise<void> read_on;
  pod_.reactor->Post([&, wait = read_on.get_future().share()] { wait.wait(); });
  // More than the socket takes: of the last ones all is still in their pipes, which hold it, when they have ended.
  constexpr int kExecs = 12;
  std::vector<std::thread> threads;
  for (int i = 0; i < kExecs; ++i) {
    threads.emplace_back([&, i] {
      const auto result = pod_.Exec("a", absl::StrCat("head -c 60000 /dev/zero; touch /tmp/", i, "; exit ", i));
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->output.size(), 60000u);
      EXPECT_EQ(result->exit_code, i);
    });
  }
  EXPECT_TRUE(Eventually([&] { return ListDir(pod_.Path("rootfs/tmp"))->size() == kExecs; }));
  LetTimePass(seconds(2));  // longer than the shim waits for the end of a pipe, CollectedExec::kDrainNanos
  read_on.set_value();
  for (std::thread& thread : threads) thread.join();
}

// Another container's `create` is under way meanwhile, so that unknown zombies are left alone.
TEST_F(ShimTest, AKilledExecIsReapedWhileAnotherContainerIsCreated) {
  const std::string fails = pod_.Path("fails-after-exec");
  const std::string script =
      "#!/bin/sh\ncase \" $* \" in *' exec '*) /usr/sbin/runc \"$@\"; exit 1;; esac\nexec /usr/sbin/runc \"$@\"\n";
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, fails, script, 0755).ok());
  MustRun("a", "sleep 1000");
  StartRequest failing = pod_.Bundle("b", TestPod::Shell("sleep 1000"));
  failing.runtime.binary = fails;
  ASSERT_TRUE(pod_.client->Start(failing, TestPod::call()).ok());
  StartRequest slow = pod_.Bundle("c", TestPod::Shell("sleep 1000"));
  slow.runtime.binary = StallingRuntime(pod_, "create");
  std::atomic<bool> enough{false};
  std::thread start([&] {
    EXPECT_TRUE(
        absl::IsCancelled(pod_.client->Start(slow, CallContext(kNoDeadline, [&] { return enough.load(); })).status()));
  });
  EXPECT_TRUE(absl::IsDeadlineExceeded(pod_.Exec("a", "sleep 1000", milliseconds(300)).status()));
  EXPECT_TRUE(absl::IsInternal(pod_.Exec("b", "sleep 1000").status()));
  for (const char* id : {"a", "b"}) {
    EXPECT_TRUE(pod_.client->Kill(id, SIGKILL, true, TestPod::call()).ok());
    EXPECT_EQ(pod_.listener.AwaitExit(id).exit_code, 137) << id;
  }
  enough = true;
  start.join();
}

// The first process of a pid namespace dies only when the shim has reaped the exec in it.
TEST_F(ShimTest, DeleteDuringAnExecDoesNotWaitForItself) {
  MustRun("a", "sleep 1000");
  MustRun("b", "sleep 1000");
  std::thread exec_a([&] { EXPECT_EQ(pod_.Exec("a", "touch /tmp/a; sleep 1000")->exit_code, 137); });
  std::thread exec_b([&] { EXPECT_EQ(pod_.Exec("b", "touch /tmp/b; sleep 1000")->exit_code, 137); });
  for (const char* id : {"a", "b"}) {
    ASSERT_TRUE(Eventually([&] { return Exists(pod_.Path(absl::StrCat("rootfs/tmp/", id))); }));
  }
  const MonoTime begin = MonoClock::now();
  EXPECT_TRUE(pod_.client->Kill("a", SIGKILL, true, TestPod::call()).ok());
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 137);
  EXPECT_TRUE(pod_.client->Delete("b", TestPod::call()).ok());
  // If one waited for the other, each would last until the shim gives up: 200 ms for a kill, much longer for a delete.
  EXPECT_LT(MonoClock::now() - begin, milliseconds(390));
  EXPECT_EQ(pod_.listener.exits(), 2) << "the exit is told before the delete is answered";
  exec_a.join();
  exec_b.join();
}

TEST_F(ShimTest, ExecsLeaveNoDescriptorsBehind) {
  MustRun("a", "sleep 1000");
  const std::string fds = absl::StrCat("/proc/", pod_.client->pid(), "/fd");
  ASSERT_TRUE(pod_.Exec("a", "exit 0").ok());
  const size_t before = ListDir(fds)->size();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(pod_.Exec("a", i % 2 == 0 ? "exit 0" : "echo x").ok());
  EXPECT_TRUE(Eventually([&] { return ListDir(fds)->size() <= before; })) << before;
  EXPECT_THAT(*ListDir(pod_.Path("a")), testing::UnorderedElementsAre("config.json", "init.pid"));
}

TEST_F(ShimTest, AShimOutOfDescriptorsRefusesWhatItCannotTakeAndServesOn) {
  MustRun("a", "sleep 1000");
  const pid_t shim = pod_.client->pid();
  rlimit before{};
  ASSERT_EQ(prlimit(shim, RLIMIT_NOFILE, nullptr, &before), 0);
  rlim_t lowest_free = 0;
  while (Exists(absl::StrCat("/proc/", shim, "/fd/", lowest_free))) ++lowest_free;
  const rlimit none{lowest_free, before.rlim_max};
  ASSERT_EQ(prlimit(shim, RLIMIT_NOFILE, &none, nullptr), 0);
  const absl::Status refused = pod_.Exec("a", "exit 0").status();
  EXPECT_THAT(std::string(refused.message()), HasSubstr("no room for more descriptors"));
  EXPECT_TRUE(pod_.client->List(TestPod::call()).ok());

  const auto processor_ticks = [&] {
    const std::vector<std::string> fields =
        absl::StrSplit(*ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", shim, "/stat"), 4096), ' ');
    int user = 0;
    int system = 0;
    EXPECT_TRUE(absl::SimpleAtoi(fields[13], &user) && absl::SimpleAtoi(fields[14], &system));
    return user + system;
  };
  const auto connecting = ConnectPackets(pod_.paths.socket);
  const int ticks = processor_ticks();
  LetTimePass(seconds(1));  // in which its processor time is measured
  EXPECT_LT(processor_ticks() - ticks, 20) << "it does not spin for a connection that it cannot accept";
  ASSERT_EQ(prlimit(shim, RLIMIT_NOFILE, &before, nullptr), 0);
  EXPECT_EQ(pod_.Exec("a", "exit 7")->exit_code, 7);
  EXPECT_TRUE(pod_.Connect().ok());
}

// ---- logs ----

TEST_F(ShimTest, ReopenUnderLoadLosesNoLineAndDoublesNone) {
  MustRun("a", "i=0; while [ $i -lt 60000 ]; do echo line $i; i=$((i+1)); done");
  int rotations = 0;
  while (pod_.listener.exits() == 0) {
    const std::string rotated = pod_.Path(absl::StrCat("a.log.", rotations++));
    ASSERT_EQ(rename(pod_.Path("a.log").c_str(), rotated.c_str()), 0);
    ASSERT_TRUE(pod_.client->ReopenLog("a", TestPod::call()).ok());
    Eventually([&] { return std::filesystem::file_size(pod_.Path("a.log")) > 0 || pod_.listener.exits() > 0; });
  }
  EXPECT_GT(rotations, 3);
  std::string all;
  for (int i = 0; i < rotations; ++i) all += *ReadFileAt(AT_FDCWD, pod_.Path(absl::StrCat("a.log.", i)), 64 << 20);
  all += pod_.Log("a");
  int next = 0;
  for (const absl::string_view line : absl::StrSplit(all, '\n', absl::SkipEmpty())) {
    ASSERT_TRUE(absl::EndsWith(line, absl::StrCat(" stdout F line ", next))) << line << " is not " << next;
    ++next;
  }
  EXPECT_EQ(next, 60000);
}

TEST_F(ShimTest, AFullDiskBlocksTheContainerAndLosesNoLine) {
  const std::string small = pod_.Path("small");
  ASSERT_TRUE(MakeDirs(small, 0700).ok());
  // Seen by the shim too: it has this process's mount namespace (made in main).
  ASSERT_EQ(mount("tmpfs", small.c_str(), "tmpfs", 0, "size=256k"), 0);
  StartRequest request =
      pod_.Bundle("a", TestPod::Shell("i=0; while [ $i -lt 9000 ]; do echo line $i; i=$((i+1)); done; exit 8"));
  request.log_path = small + "/0.log";
  request.log_wait = seconds(60);
  ASSERT_TRUE(pod_.client->Start(request, TestPod::call()).ok());
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(ShimLog(), "No space left on device"); }));
  EXPECT_EQ(pod_.listener.exits(), 0);
  EXPECT_TRUE(pod_.client->List(TestPod::call()).ok()) << "the shim serves on";
  ASSERT_EQ(mount("tmpfs", small.c_str(), "tmpfs", MS_REMOUNT, "size=16m"), 0);
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 8);
  const std::string log = *ReadFileAt(AT_FDCWD, request.log_path, 16 << 20);
  int next = 0;
  for (const absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    ASSERT_TRUE(absl::EndsWith(line, absl::StrCat(" stdout F line ", next))) << line << " is not " << next;
    ++next;
  }
  EXPECT_EQ(next, 9000);
  EXPECT_EQ(umount2(small.c_str(), MNT_DETACH), 0);
}

// The log takes next to nothing until the container has ended: what it wrote is in its pipe then.
TEST_F(ShimTest, WhatIsInALargePipeAtTheEndIsWritten) {
  const std::string full = pod_.Path("full");
  ASSERT_TRUE(MakeDirs(full, 0700).ok());
  ASSERT_EQ(mount("tmpfs", full.c_str(), "tmpfs", 0, "size=64k"), 0);
  StartRequest request =
      pod_.Bundle("a", TestPod::Shell("while [ ! -e /tmp/go ]; do sleep 0.01; done; seq 100000; exit 8"));
  request.log_path = full + "/0.log";
  request.log_wait = seconds(60);
  const auto started = pod_.client->Start(request, TestPod::call());
  ASSERT_TRUE(started.ok()) << started.status();
  {
    const Fd pipe(open(absl::StrCat("/proc/", started->pid, "/fd/1").c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(fcntl(pipe.get(), F_SETPIPE_SZ, 1 << 20), 1 << 20);
  }
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, pod_.Path("rootfs/tmp/go"), "", 0644).ok());
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 8);
  ASSERT_EQ(mount("tmpfs", full.c_str(), "tmpfs", MS_REMOUNT, "size=16m"), 0);
  std::string log;
  EXPECT_TRUE(Eventually([&] {
    log = ReadFileAt(AT_FDCWD, request.log_path, 16 << 20).value_or("");
    return absl::EndsWith(log, " stdout F 100000\n");
  }));
  EXPECT_EQ(umount2(full.c_str(), MNT_DETACH), 0);
}

// ---- a shim and its daemons ----

TEST_F(ShimTest, ADaemonThatComesBackFindsTheSamePidAndTheExitItMissed) {
  const pid_t running = MustRun("a", "sleep 1000");
  MustRun("b", "sleep 0.3; echo late; exit 33");
  const pid_t shim = pod_.client->pid();
  pod_.client.reset();
  ASSERT_TRUE(Eventually([&] { return Exists(pod_.Path("b/exit")); }));
  const absl::Status connected = pod_.Connect();
  ASSERT_TRUE(connected.ok()) << connected;
  EXPECT_EQ(pod_.client->pid(), shim);
  const auto containers = pod_.client->List(TestPod::call());
  ASSERT_TRUE(containers.ok()) << containers.status();
  ASSERT_EQ(containers->size(), 2u);
  EXPECT_EQ((*containers)[0].id, "a");
  EXPECT_FALSE((*containers)[0].exited);
  EXPECT_EQ((*containers)[0].started.pid, running);
  EXPECT_TRUE((*containers)[1].exited);
  EXPECT_EQ((*containers)[1].exit.exit_code, 33);
  shim::ExitRecord record;
  ASSERT_EQ(shim::ReadExitRecord(pod_.Path("b/exit"), &record), 0);
  EXPECT_EQ(record.finished_at, (*containers)[1].exit.finished_at);
  EXPECT_EQ(pod_.Output("b"), "late\n");
  EXPECT_EQ(pod_.listener.exits(), 0);
}

TEST_F(ShimTest, ALaterDaemonReplacesTheEarlierOne) {
  RecordingListener later;
  auto second = ShimClient::Connect(*pod_.reactor, "pod", pod_.paths, &later, TestPod::call());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(pod_.listener.AwaitGone());
  EXPECT_TRUE(absl::IsUnavailable(pod_.client->List(TestPod::call()).status()));
  EXPECT_TRUE((*second)->List(TestPod::call()).ok());
  pod_.client = *std::move(second);
}

TEST_F(ShimTest, AStartThatOutlivesItsDaemonIsListedAndToldToTheNextOne) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("exit 7"));
  request.runtime.binary = WaitingRuntime(pod_, "start");
  std::thread start([&] { EXPECT_TRUE(absl::IsUnavailable(pod_.client->Start(request, TestPod::call()).status())); });
  EXPECT_TRUE(Eventually([&] { return Exists(pod_.Path("a/init.pid")); }));
  RecordingListener later;
  auto second = ShimClient::Connect(*pod_.reactor, "pod", pod_.paths, &later, TestPod::call());
  start.join();
  ASSERT_TRUE(second.ok()) << second.status();
  const auto containers = (*second)->List(TestPod::call());
  ASSERT_TRUE(containers.ok()) << containers.status();
  ASSERT_EQ(containers->size(), 1u);
  EXPECT_TRUE(containers->front().starting);
  LetGo(pod_);
  EXPECT_EQ(later.AwaitExit("a").exit_code, 7);
  const auto started = (*second)->Start(request, TestPod::call());
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_GT(started->started_at, 0);
  EXPECT_FALSE((*second)->Start(request, TestPod::call()).ok()) << "it has exited, and that has been told";
  second->reset();
  EXPECT_TRUE(pod_.Connect().ok());
}

// It would take what is listed for started.
TEST_F(ShimTest, ADaemonOfVersionTwoIsNotToldOfAStart) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("exit 7"));
  request.runtime.binary = WaitingRuntime(pod_, "start");
  std::thread start([&] { EXPECT_TRUE(absl::IsUnavailable(pod_.client->Start(request, TestPod::call()).status())); });
  EXPECT_TRUE(Eventually([&] { return Exists(pod_.Path("a/init.pid")); }));
  {
    const auto older = ConnectPackets(pod_.paths.socket);
    ASSERT_TRUE(older.ok()) << older.status();
    EXPECT_TRUE(SendPacket(older->get(), shim::Encode(1, shim::Hello{2}), {}, TestPod::call()).ok());
    EXPECT_TRUE(SendPacket(older->get(), shim::Encode(2, shim::List()), {}, TestPod::call()).ok());
    for (const shim::Type expected : {shim::Type::kHelloReply, shim::Type::kDone}) {
      pollfd ready{older->get(), POLLIN, 0};
      EXPECT_EQ(poll(&ready, 1, 10000), 1);
      char packet[4096];
      const auto size = ReceivePacket(older->get(), packet, sizeof(packet), nullptr);
      shim::Header header;
      EXPECT_TRUE(size.ok() && shim::DecodeHeader({packet, *size}, &header)) << size.status();
      EXPECT_EQ(header.type, expected);
    }
  }
  start.join();
  LetGo(pod_);
  EXPECT_TRUE(pod_.Connect().ok());
}

TEST_F(ShimTest, AShimOfAnotherPodIsRefused) {
  RecordingListener listener;
  const auto other = ShimClient::Connect(*pod_.reactor, "other", pod_.paths, &listener, TestPod::call());
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("keeps pod pod, not other"));
  ASSERT_TRUE(pod_.Connect().ok());
}

TEST_F(ShimTest, KillNineOfTheShimIsToldAndCleanedUp) {
  const pid_t container = MustRun("a", "setsid sleep 1000 & sleep 1000");
  const pid_t shim = pod_.client->pid();
  std::thread exec([&] { EXPECT_TRUE(absl::IsUnavailable(pod_.Exec("a", "sleep 1000").status())); });
  ASSERT_TRUE(Eventually([&] { return cgroup::Processes(pod_.Cgroups("a")).size() > 2; }));
  ASSERT_EQ(kill(shim, SIGKILL), 0);
  EXPECT_TRUE(pod_.listener.AwaitGone());
  exec.join();
  EXPECT_EQ(kill(container, 0), 0) << "the container itself lives on until it is cleaned up";
  const absl::Status cleaned = CleanUpContainer(
      pod_.runtime(), "a",
      "/" + pod_.Cgroups("a").front().path.substr(pod_.Cgroups("a").front().path.find("crisp-test")), TestPod::call());
  EXPECT_TRUE(cleaned.ok()) << cleaned;
  EXPECT_EQ(pod_.Leftovers("a"), "");
  EXPECT_TRUE(Eventually([&] { return kill(shim, 0) != 0; })) << "the dead shim is not left as a zombie";
  EXPECT_TRUE(absl::IsUnavailable(pod_.Connect()));
}

TEST_F(ShimTest, KillNineOfTheShimInTheMiddleOfCreateLeavesNothing) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("sleep 1000"));
  request.runtime.binary = StallingRuntime(pod_, "start");
  std::thread start([&] { EXPECT_TRUE(absl::IsUnavailable(pod_.client->Start(request, TestPod::call()).status())); });
  ASSERT_TRUE(Eventually([&] { return Exists(pod_.Path("a/init.pid")); }));
  ASSERT_EQ(kill(pod_.client->pid(), SIGKILL), 0);
  start.join();
  const std::string path = pod_.Cgroups("a").front().path;
  EXPECT_TRUE(CleanUpContainer(pod_.runtime(), "a", path.substr(path.find("/crisp-test")), TestPod::call()).ok());
  EXPECT_EQ(pod_.Leftovers("a"), "");
  pod_.client.reset();
}

TEST_F(ShimTest, CleanUpOfNothingIsOk) {
  EXPECT_TRUE(CleanUpContainer(pod_.runtime(), "nosuch", "/crisp-test-nosuch/nosuch", TestPod::call()).ok());
  EXPECT_FALSE(CleanUpContainer(pod_.runtime(), "nosuch", "/", TestPod::call()).ok());
}

TEST_F(ShimTest, WhatAKilledRuntimeHasMountedIsRemoved) {
  const OciRuntime runtime{"/usr/sbin/runc", pod_.Path("runtime")};
  const std::string directory = runtime.root + "/gone";
  ASSERT_TRUE(MakeDirs(directory, 0700).ok());
  ASSERT_TRUE(WriteFileAtomically(AT_FDCWD, directory + "/runc.a1b2c3", "", 0600).ok());
  ASSERT_TRUE(BindMount(runtime.binary, directory + "/runc.a1b2c3").ok());
  EXPECT_TRUE(RemoveRuntimeState(runtime, "gone").ok());
  EXPECT_FALSE(Exists(directory));
  EXPECT_TRUE(Exists(runtime.binary));
  EXPECT_TRUE(RemoveRuntimeState(runtime, "gone").ok());
}

TEST_F(ShimTest, ShutdownEndsContainersShimAndSocket) {
  const pid_t container = MustRun("a", "sleep 1000");
  const pid_t shim = pod_.client->pid();
  const absl::Status ended = pod_.client->Shutdown(TestPod::call());
  EXPECT_TRUE(ended.ok()) << ended;
  EXPECT_NE(kill(container, 0), 0);
  EXPECT_EQ(pod_.Leftovers("a"), "");
  EXPECT_FALSE(Exists(pod_.paths.socket));
  EXPECT_TRUE(Eventually([&] { return kill(shim, 0) != 0; }));
  EXPECT_TRUE(pod_.client->Shutdown(TestPod::call()).ok()) << "again";
}

TEST_F(ShimTest, ShutdownLeavesNoProcessAndNoCgroupAlsoIfTheRuntimeFails) {
  const std::string fails = pod_.Path("fails-to-delete");
  const std::string script = "#!/bin/sh\ncase \" $* \" in *' delete '*) exit 1;; esac\nexec /usr/sbin/runc \"$@\"\n";
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, fails, script, 0755).ok());
  StartRequest request = pod_.Bundle("a", TestPod::Shell("sleep 1000"));
  request.runtime.binary = fails;
  ASSERT_TRUE(pod_.client->Start(request, TestPod::call()).ok());
  const absl::Status ended = pod_.client->Shutdown(TestPod::call());
  EXPECT_TRUE(ended.ok()) << ended;
  EXPECT_EQ(pod_.Leftovers("a"), " runtime state");
}

TEST_F(ShimTest, ShutdownOfAShimThatDiesMeanwhileIsUnavailable) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("sleep 1000"));
  request.runtime.binary = StallingRuntime(pod_, "delete");
  ASSERT_TRUE(pod_.client->Start(request, TestPod::call()).ok());
  const pid_t shim = pod_.client->pid();
  std::thread killer([&] {
    pod_.listener.AwaitExit("a");
    EXPECT_EQ(kill(shim, SIGKILL), 0);
  });
  EXPECT_TRUE(absl::IsUnavailable(pod_.client->Shutdown(TestPod::call())));
  killer.join();
  EXPECT_NE(pod_.Leftovers("a"), "");
  EXPECT_TRUE(absl::IsUnavailable(pod_.client->Shutdown(TestPod::call()))) << "again";
}

TEST_F(ShimTest, NothingIsBegunForACallerThatHasGone) {
  const auto started =
      pod_.client->Start(pod_.Bundle("a", TestPod::Shell("sleep 1000")), CallContext(kNoDeadline, [] { return true; }));
  EXPECT_TRUE(absl::IsCancelled(started.status())) << started.status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(pod_.client->Shutdown(CallContext(MonoClock::now()))));
  EXPECT_TRUE(pod_.client->List(TestPod::call())->empty());
  EXPECT_FALSE(Exists(pod_.Path("a.log")));
}

TEST_F(ShimTest, AShimThatHangsIsTerminated) {
  const pid_t container = MustRun("a", "sleep 1000");
  ASSERT_EQ(kill(pod_.client->pid(), SIGSTOP), 0);
  EXPECT_TRUE(absl::IsDeadlineExceeded(pod_.client->Shutdown(CallContext::WithTimeout(milliseconds(200)))));
  const absl::Status ended = pod_.client->Terminate(TestPod::call());
  EXPECT_TRUE(ended.ok()) << ended;
  EXPECT_EQ(kill(container, 0), 0);
  EXPECT_TRUE(pod_.client->Terminate(TestPod::call()).ok()) << "again";
  EXPECT_TRUE(absl::IsUnavailable(pod_.client->Shutdown(TestPod::call())));
}

TEST_F(ShimTest, AShimThatDoesNotGreetIsKilledByItsSocket) {
  const pid_t shim = pod_.client->pid();
  pod_.client.reset();
  ASSERT_EQ(kill(shim, SIGSTOP), 0);
  const auto greeted = ShimClient::Connect(*pod_.reactor, "pod", pod_.paths, &pod_.listener,
                                           CallContext::WithTimeout(milliseconds(200)));
  EXPECT_TRUE(absl::IsDeadlineExceeded(greeted.status())) << greeted.status();
  const absl::Status killed = KillShim(pod_.paths, TestPod::call());
  EXPECT_TRUE(killed.ok()) << killed;
  EXPECT_TRUE(Eventually([&] { return kill(shim, 0) != 0; }));
  EXPECT_TRUE(KillShim(pod_.paths, TestPod::call()).ok()) << "again";
}

// SO_PEERCRED may name a daemon that has only made the socket, or whoever has its pid now.
TEST_F(ShimTest, OnlyAShimIsKilledByItsSocket) {
  ShimPaths paths = pod_.paths;
  paths.socket = pod_.Path("other.sock");
  EXPECT_TRUE(KillShim(paths, TestPod::call()).ok()) << "nobody";
  const auto listener = ListenPackets(paths.socket);
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_THAT(std::string(KillShim(paths, TestPod::call()).message()), HasSubstr("is no shim"));
}

TEST_F(ShimTest, DeleteOfARunningOrUnknownContainerIsOk) {
  MustRun("a", "sleep 1000");
  const absl::Status deleted = pod_.client->Delete("a", TestPod::call());
  EXPECT_TRUE(deleted.ok()) << deleted;
  EXPECT_EQ(pod_.Leftovers("a"), "");
  EXPECT_TRUE(pod_.client->Delete("a", TestPod::call()).ok());
  EXPECT_TRUE(pod_.client->List(TestPod::call())->empty());
}

TEST_F(ShimTest, LaunchOfAProgramThatIsNotOneIsAnErrorThatNamesIt) {
  ShimPaths paths = pod_.paths;
  paths.socket = pod_.Path("other.sock");
  paths.program = "/nosuch/crisp-shim";
  RecordingListener listener;
  auto client = ShimClient::Launch(*pod_.reactor, "pod", paths, &listener, TestPod::call());
  EXPECT_THAT(std::string(client.status().message()), HasSubstr("/nosuch/crisp-shim"));
  paths.program = "/bin/true";
  client = ShimClient::Launch(*pod_.reactor, "pod", paths, &listener, TestPod::call());
  EXPECT_FALSE(client.ok());
  EXPECT_FALSE(Exists(paths.socket));
}

TEST_F(ShimTest, ItDoesNothingWhenNothingHappens) {
  MustRun("a", "sleep 1000");
  const std::string status = absl::StrCat("/proc/", pod_.client->pid(), "/status");
  const auto switches = [&] {
    const std::string text = *ReadFileAt(AT_FDCWD, status, 8192);
    return text.substr(text.find("voluntary_ctxt_switches"));
  };
  // The first second may still have something of the start in it.
  EXPECT_TRUE(Eventually([&] {
    const std::string before = switches();
    LetTimePass(seconds(1));  // in which nothing happens
    return switches() == before;
  })) << "it wakes up at least once a second";
}

// Mounts of the tests are nobody else's.
class OwnMounts : public testing::Environment {
  void SetUp() override {
    if (geteuid() != 0) return;
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  }
};
const auto* const kOwnMounts = testing::AddGlobalTestEnvironment(new OwnMounts);

}  // namespace
}  // namespace crisp
