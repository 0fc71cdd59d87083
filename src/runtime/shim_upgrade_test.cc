// Upgrades of a running shim in place: the real shim with the real runc, and programs that take its place, or fail to.
// Needs root, runc and busybox-static.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/testing/wait.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "os/file.h"
#include "os/process.h"
#include "os/unix_socket.h"
#include "runtime/shim_client.h"
#include "runtime/shim_stream.h"
#include "runtime/shims.h"
#include "runtime/test_pod.h"
#include "shim/codec.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

std::string Read(const std::string& path) {
  return ReadFileAt(AT_FDCWD, path, 64 << 20).value_or("");
}

void Write(const std::string& path, absl::string_view content, mode_t mode) {
  ASSERT_EQ(WriteFileAt(AT_FDCWD, path, content, mode), absl::OkStatus());
}

// "1\n2\n...": what `seq` prints.
std::string Numbers(int first, int last) {
  std::string text;
  for (int i = first; i <= last; ++i) absl::StrAppend(&text, i, "\n");
  return text;
}

// Reads until `wanted` is in what has been read, or the stream ends, or 20 s have passed.
std::string ReadUntil(const Fd& fd, const std::string& wanted) {
  std::string text;
  const MonoTime patience = MonoClock::now() + seconds(20);
  while (MonoClock::now() < patience && (wanted.empty() || !absl::StrContains(text, wanted))) {
    pollfd ready{fd.get(), POLLIN, 0};
    poll(&ready, 1, 1000);
    char buffer[65536];
    const ssize_t n = read(fd.get(), buffer, sizeof(buffer));
    if (n == 0 || (n < 0 && errno != EAGAIN)) return text;
    if (n > 0) text.append(buffer, static_cast<size_t>(n));
  }
  return text;
}

// A program that says that it takes the state. The kernel does not run a script in place of the shim, since the
// interpreter could not open it.
constexpr char kScriptThatAgrees[] = "#!/bin/sh\necho crisp-shim takes state $2\n";

class ShimUpgradeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!Exists("/usr/sbin/runc")) GTEST_SKIP() << "needs runc";
    signal(SIGPIPE, SIG_IGN);
    MakePrograms();
    ASSERT_EQ(pod_.Launch(), absl::OkStatus());
  }
  void TearDown() override {
    if (HasFailure()) GTEST_LOG_(INFO) << "shim log:\n" << Read(pod_.paths.log);
  }

  // The shim of this build, and the same with another build id.
  void MakePrograms() {
    programs_[0] = *shims_->Program(CRISP_SHIM, TestPod::call());
    const std::string id = absl::HexStringToBytes(programs_[0].build.substr(programs_[0].build.find(' ') + 1));
    std::string content = Read(CRISP_SHIM);
    const size_t at = content.find(id);
    ASSERT_NE(at, std::string::npos);
    content[at] = static_cast<char>(content[at] ^ 1);
    const std::string path = pod_.Path("newer-shim");
    Write(path, content, 0755);
    const auto newer = shims_->Program(path, TestPod::call());
    ASSERT_TRUE(newer.ok()) << newer.status();
    programs_[1] = *newer;
    ASSERT_NE(programs_[0].build, programs_[1].build);
  }

  absl::Status Upgrade() {
    const ShimProgram& next = programs_[pod_.client->build() == programs_[0].build ? 1 : 0];
    const absl::Status upgraded = pod_.client->Upgrade(next, TestPod::call());
    if (upgraded.ok()) ++upgrades_;
    return upgraded;
  }
  void MustUpgrade(int times = 1) {
    for (int i = 0; i < times; ++i) ASSERT_EQ(Upgrade(), absl::OkStatus()) << "after " << upgrades_;
  }
  // Upgrades again and again while it exists.
  class Upgrades {
   public:
    explicit Upgrades(ShimUpgradeTest* test)
        : thread_([this, test] {
            while (!over_) {
              const absl::Status upgraded = test->Upgrade();
              if (!upgraded.ok() && !absl::IsAborted(upgraded)) last_error_ = upgraded;
              LetTimePass(milliseconds(3));  // the moments vary
            }
          }) {}
    ~Upgrades() {
      over_ = true;
      thread_.join();
      EXPECT_EQ(last_error_, absl::OkStatus());
    }

   private:
    std::atomic<bool> over_ = false;
    absl::Status last_error_;
    std::thread thread_;
  };

  pid_t MustRun(const std::string& id, const std::string& script) { return MustRunWith(id, script, {}); }
  pid_t MustRunWith(const std::string& id, const std::string& script, const std::function<void(StartRequest&)>& how) {
    StartRequest request;
    if (how) how(request);
    const bool terminal = request.terminal;
    request = pod_.Bundle(id, TestPod::Shell(script),
                          [&](nlohmann::json& config) { config["process"]["terminal"] = terminal; });
    if (how) how(request);
    const auto started = pod_.client->Start(request, TestPod::call());
    EXPECT_TRUE(started.ok()) << started.status();
    return started.ok() ? started->pid : -1;
  }
  std::vector<std::string> Descriptors() {
    const std::string directory = absl::StrCat("/proc/", pod_.client->pid(), "/fd");
    std::vector<std::string> all;
    for (const std::string& name : ListDir(directory).value_or(std::vector<std::string>())) {
      char target[PATH_MAX];
      const ssize_t n = readlink((directory + "/" + name).c_str(), target, sizeof(target));
      const absl::string_view kind(target, n > 0 ? static_cast<size_t>(n) : 0);
      all.push_back(std::string(kind.substr(0, kind.find(":["))));
    }
    std::sort(all.begin(), all.end());
    return all;
  }
  std::string Status(absl::string_view field) {
    const std::string status = Read(absl::StrCat("/proc/", pod_.client->pid(), "/status"));
    for (const absl::string_view line : absl::StrSplit(status, '\n')) {
      if (absl::StartsWith(line, field)) return std::string(line);
    }
    return "";
  }

  const std::unique_ptr<Reactor> reactor_ = *Reactor::Start();
  const std::unique_ptr<Shims> shims_ = MakeShims(reactor_.get());
  ShimProgram programs_[2];
  std::atomic<int> upgrades_ = 0;
  TestPod pod_;
};

TEST_F(ShimUpgradeTest, NothingOfALogIsLostAndTheProcessStaysTheSame) {
  const pid_t shim = pod_.client->pid();
  MustRun("a", "i=0; while [ ! -e /tmp/enough ]; do i=$((i+1)); echo $i; done; printf 'no newline'; exit 7");
  ASSERT_TRUE(Eventually([&] { return absl::StrContains(pod_.Log("a"), " F 100\n"); }));
  const std::vector<std::string> descriptors = Descriptors();
  MustUpgrade(50);
  EXPECT_EQ(Descriptors(), descriptors);
  EXPECT_EQ(pod_.client->pid(), shim);
  EXPECT_EQ(Status("Name:"), "Name:\tcrisp-shim");
  EXPECT_EQ(pod_.client->List(TestPod::call())->at(0).exited, false);
  Write(pod_.Path("rootfs/tmp/enough"), "", 0644);
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 7);

  const std::string output = pod_.Output("a");
  const size_t newline = output.rfind('\n');
  ASSERT_NE(newline, std::string::npos);
  EXPECT_EQ(output.substr(newline + 1), "no newline");
  const size_t before = output.rfind('\n', newline - 1);
  int last = 0;
  ASSERT_TRUE(absl::SimpleAtoi(output.substr(before + 1, newline - before - 1), &last));
  EXPECT_TRUE(output == Numbers(1, last) + "no newline") << "lines are missing, doubled or mixed";
}

TEST_F(ShimUpgradeTest, WhatTheShimHasOfTheKernelStays) {
  const auto facts = [&] {
    const std::string proc = absl::StrCat("/proc/", pod_.client->pid());
    char cwd[PATH_MAX] = {};
    EXPECT_GT(readlink((proc + "/cwd").c_str(), cwd, sizeof(cwd) - 1), 0);
    return absl::StrJoin(
        {Read(proc + "/oom_score_adj"), Read(proc + "/cgroup"), Read(proc + "/limits"), Status("SigBlk:"),
         Status("SigIgn:"), Status("SigCgt:"), Status("Umask:"), Status("NSsid:"), std::string(cwd)},
        "\n");
  };
  const std::string before = facts();
  MustUpgrade(2);
  EXPECT_EQ(facts(), before);
  // Children get the OOM score that the shim had at first, and orphans of a container still become the shim's.
  MustRun("a", "cat /proc/self/oom_score_adj; sleep 1000");
  ASSERT_TRUE(Eventually([&] { return pod_.Output("a") == Read("/proc/self/oom_score_adj"); })) << pod_.Output("a");
}

TEST_F(ShimUpgradeTest, AnExitDuringAnUpgradeIsNotLost) {
  for (int i = 0; i < 20; ++i) {
    const std::string id = absl::StrCat("c", i);
    MustRun(id, absl::StrCat("while [ ! -e /tmp/", id, " ]; do :; done; echo last words; exit ", i + 1));
    std::thread ends([&] {
      LetTimePass(milliseconds(i));
      Write(pod_.Path("rootfs/tmp/" + id), "", 0644);
    });
    absl::Status upgraded;
    do {
      upgraded = Upgrade();
    } while (absl::IsAborted(upgraded));
    ends.join();
    EXPECT_EQ(upgraded, absl::OkStatus());
    EXPECT_EQ(pod_.listener.AwaitExit(id).exit_code, i + 1);
    EXPECT_EQ(pod_.Output(id), "last words\n");
    EXPECT_EQ(pod_.client->Delete(id, TestPod::call()), absl::OkStatus());
    EXPECT_EQ(pod_.Leftovers(id), "");
  }
}

TEST_F(ShimUpgradeTest, AnAttachedClientNoticesNothing) {
  MustRunWith("a", "while read line; do seq 1 $line; done; exit 3",
              [](StartRequest& request) { request.input = true; });
  auto stream = pod_.client->Attach({"a", {false, true, true, true}}, TestPod::call());
  ASSERT_TRUE(stream.ok()) << stream.status();
  std::promise<absl::StatusOr<int>> ended;
  (*stream)->OnExit([&](absl::StatusOr<int> how) { ended.set_value(std::move(how)); });
  ShimStream::Descriptors ends = (*stream)->TakeDescriptors();
  {
    const Upgrades upgrades(this);
    for (const int lines : {1, 100000, 3, 30000}) {
      const std::string command = absl::StrCat(lines, "\n");
      ASSERT_EQ(write(ends.input.get(), command.data(), command.size()), static_cast<ssize_t>(command.size()));
      const std::string expected = Numbers(1, lines);
      std::string got;
      while (got.size() < expected.size()) {
        const std::string more = ReadUntil(ends.output, "\n");
        if (more.empty()) break;
        got += more;
      }
      EXPECT_TRUE(got == expected) << lines << ": bytes are missing or doubled";
    }
  }
  EXPECT_GT(upgrades_, 3);
  // The client's end of stdin is not the container's: a detached container reads on.
  EXPECT_EQ(pod_.client->Kill("a", SIGKILL, true, TestPod::call()), absl::OkStatus());
  EXPECT_EQ(ended.get_future().get().value(), 137);
  EXPECT_EQ(pod_.Output("a"), Numbers(1, 1) + Numbers(1, 100000) + Numbers(1, 3) + Numbers(1, 30000));
}

// A client that does not read blocks the container, before and after an upgrade, until it reads again.
TEST_F(ShimUpgradeTest, WhatAClientHasNotTakenIsHandedOver) {
  MustRun("a", "while [ ! -e /tmp/go ]; do :; done; seq 1 60000; exit 0");
  auto stream = pod_.client->Attach({"a", {false, false, true, false}}, TestPod::call());
  ASSERT_TRUE(stream.ok()) << stream.status();
  const ShimStream::Descriptors ends = (*stream)->TakeDescriptors();
  Write(pod_.Path("rootfs/tmp/go"), "", 0644);
  ASSERT_TRUE(Eventually([&] { return absl::StrContains(pod_.Log("a"), " F 10000\n"); }));
  MustUpgrade(3);
  const std::string got = ReadUntil(ends.output, "");
  EXPECT_TRUE(got == Numbers(1, 60000)) << got.size() << " bytes";
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 0);
}

TEST_F(ShimUpgradeTest, ExecsKeepTheirOutputExitCodeAndDeadline) {
  MustRun("a", "sleep 1000");
  std::unique_ptr<ShimStream> stream;
  auto opened = pod_.client->OpenExec({"a", TestPod::Process(TestPod::Shell("cat; exit 9")), {false, true, true, true}},
                                      TestPod::call());
  ASSERT_TRUE(opened.ok()) << opened.status();
  std::promise<absl::StatusOr<int>> ended;
  (*opened)->OnExit([&](absl::StatusOr<int> how) { ended.set_value(std::move(how)); });
  ShimStream::Descriptors ends = (*opened)->TakeDescriptors();
  {
    const Upgrades upgrades(this);
    auto late = std::async(std::launch::async, [&] { return pod_.Exec("a", "sleep 1000", seconds(2)); });
    for (int i = 0; i < 10; ++i) {
      const auto result = pod_.Exec("a", absl::StrCat("seq 1 20000; echo problem >&2; exit ", i));
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->exit_code, i);
      EXPECT_TRUE(result->output == Numbers(1, 20000)) << result->output.size();
      EXPECT_EQ(result->error_output, "problem\n");
    }
    EXPECT_TRUE(absl::IsDeadlineExceeded(late.get().status()));
    ASSERT_EQ(write(ends.input.get(), "one\n", 4), 4);
    EXPECT_EQ(ReadUntil(ends.output, "one\n"), "one\n");
    ends.input.reset();
    EXPECT_EQ(ended.get_future().get().value(), 9);
  }
  EXPECT_GT(upgrades_, 3);
}

TEST_F(ShimUpgradeTest, ATerminalIsHandedOver) {
  MustRunWith("a", "stty -echo; echo ready; read line; echo got $line; exit 4", [](StartRequest& request) {
    request.terminal = true;
    request.input = true;
  });
  ASSERT_TRUE(Eventually([&] { return absl::StrContains(pod_.Output("a"), "ready"); }));
  MustUpgrade(2);
  auto stream = pod_.client->Attach({"a", {true, true, true, false}}, TestPod::call());
  ASSERT_TRUE(stream.ok()) << stream.status();
  const ShimStream::Descriptors ends = (*stream)->TakeDescriptors();
  MustUpgrade();
  ASSERT_EQ(write(ends.input.get(), "words\n", 6), 6);
  EXPECT_THAT(ReadUntil(ends.output, "got words"), HasSubstr("got words"));
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 4);
}

// The whole disk is full, then an upgrade, then there is room: what was refused is written once.
TEST_F(ShimUpgradeTest, LinesThatTheDiskRefusedAreHandedOver) {
  const std::string place = pod_.Path("logs");
  ASSERT_EQ(MakeDirs(place, 0755), absl::OkStatus());
  ASSERT_EQ(mount("tmpfs", place.c_str(), "tmpfs", 0, "size=64k"), 0);
  MustRunWith("a", "seq 1 20000; exit 0", [&](StartRequest& request) {
    request.log_path = place + "/log";
    request.log_wait = seconds(60);
  });
  ASSERT_TRUE(Eventually([&] { return absl::StrContains(Read(pod_.paths.log), "the output waits"); }));
  MustUpgrade(2);
  ASSERT_EQ(mount("tmpfs", place.c_str(), "tmpfs", MS_REMOUNT, "size=16m"), 0);
  MustUpgrade();
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 0);
  std::string output;
  const std::string log = Read(place + "/log");
  for (const absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(' ', 3));
    ASSERT_EQ(fields.size(), 4u) << line;
    absl::StrAppend(&output, fields[3], "\n");
  }
  EXPECT_TRUE(output == Numbers(1, 20000)) << output.size() << " bytes";
  EXPECT_EQ(pod_.client->Shutdown(TestPod::call()), absl::OkStatus());
  EXPECT_EQ(umount(place.c_str()), 0);
}

TEST_F(ShimUpgradeTest, AStartUnderWayIsWaitedForAndThenRefused) {
  const std::string slow = pod_.Path("slow-runc");
  for (const char* time : {"0.5", "4"}) {
    Write(slow,
          absl::StrCat("#!/bin/sh\ncase \"$*\" in *' create '*) sleep ", time, ";; esac\nexec /usr/sbin/runc \"$@\"\n"),
          0755);
    StartRequest request = pod_.Bundle(absl::StrCat("c", std::string(1, time[0])), TestPod::Shell("sleep 1000"));
    request.runtime.binary = slow;
    auto start = std::async(std::launch::async, [&] { return pod_.client->Start(request, TestPod::call()); });
    ASSERT_TRUE(Eventually([&] {
      const auto listed = pod_.client->List(TestPod::call());
      return std::any_of(listed->begin(), listed->end(), [](const ShimContainer& one) { return one.starting; });
    }));
    const absl::Status upgraded = Upgrade();
    if (time[0] == '4') {
      EXPECT_TRUE(absl::IsAborted(upgraded)) << upgraded;
      EXPECT_THAT(std::string(upgraded.message()), HasSubstr("container c4 is being started"));
      EXPECT_EQ(pod_.client->List(TestPod::call())->size(), 2u);  // it takes requests again
    } else if (!absl::IsAborted(upgraded)) {                      // as on a machine that is out of breath
      EXPECT_EQ(upgraded, absl::OkStatus());
    }
    EXPECT_EQ(start.get().status(), absl::OkStatus());
  }
  MustUpgrade();
}

TEST_F(ShimUpgradeTest, AProgramThatCannotTakeOverLeavesTheOldOneRunning) {
  MustRun("a", "i=0; while [ ! -e /tmp/enough ]; do i=$((i+1)); echo $i; sleep 0.001; done; exit 5");
  const std::string build = pod_.client->build();
  const auto descriptors = Descriptors();
  const auto refused = [&](const std::string& name, absl::string_view why) {
    const absl::Status upgraded = pod_.client->Upgrade({pod_.Path(name), "other"}, TestPod::call());
    EXPECT_TRUE(absl::IsInternal(upgraded)) << upgraded;
    EXPECT_THAT(std::string(upgraded.message()), HasSubstr(std::string(why))) << name;
    EXPECT_EQ(pod_.client->build(), build);
    EXPECT_EQ(pod_.client->List(TestPod::call())->size(), 1u);
    // A program that was killed is reaped a moment later.
    EXPECT_TRUE(Eventually([&] { return Descriptors() == descriptors; }))
        << name << ": " << absl::StrJoin(Descriptors(), " ");
  };
  refused("nowhere", "No such file or directory");
  Write(pod_.Path("text"), "no program", 0755);
  refused("text", "Exec format error");
  Write(pod_.Path("closed"), Read(CRISP_SHIM), 0644);
  refused("closed", "Permission denied");
  Write(pod_.Path("cut"), Read(CRISP_SHIM).substr(0, 4096), 0755);
  refused("cut", "does not take this shim's state");
  Write(pod_.Path("foreign"), Read("/bin/true"), 0755);
  refused("foreign", "it ended with status 0");
  Write(pod_.Path("older"), "#!/bin/sh\nexit 2\n", 0755);
  refused("older", "it ended with status 2");
  Write(pod_.Path("hangs"), "#!/bin/sh\nsleep 1000\n", 0755);
  refused("hangs", "does not answer");
  Write(pod_.Path("agrees"), kScriptThatAgrees, 0755);
  refused("agrees", "run " + pod_.Path("agrees") + ": No such file or directory");

  MustUpgrade();
  Write(pod_.Path("rootfs/tmp/enough"), "", 0644);
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 5);
  const std::string output = pod_.Output("a");
  EXPECT_EQ(output, Numbers(1, static_cast<int>(std::count(output.begin(), output.end(), '\n'))));
}

// A program that cannot read the state runs the one that wrote it, with the descriptors as they came.
TEST_F(ShimUpgradeTest, AProgramThatCannotReadTheStateGoesBackToTheOldOne) {
  const Fd state(memfd_create("state", 0));
  ASSERT_EQ(write(state.get(), "nonsense", 8), 8);
  const Fd previous(open("/bin/busybox", O_PATH));
  const std::string script =
      absl::StrCat("exec ", CRISP_SHIM, " --pod pod --socket /nowhere --log ", pod_.Path("other.log"), " --resume 8 ",
                   "--previous 9 8</proc/", getpid(), "/fd/", state.get(), " 9</bin/busybox");
  const auto result = RunCommand({"/bin/sh", {"-c", script}, {"PATH=/bin"}, "", 4096}, TestPod::call());
  ASSERT_TRUE(result.ok()) << result.status();
  // busybox does not know the name by which it is called.
  EXPECT_THAT(result->output + result->error_output, HasSubstr("applet not found"));
  EXPECT_THAT(Read(pod_.Path("other.log")), HasSubstr("cannot read the shim's state: it is not a sealed file"));
}

TEST_F(ShimUpgradeTest, ADaemonThatConnectsDuringUpgradesIsServed) {
  MustRun("a", "sleep 1000");
  for (int i = 0; i < 10; ++i) {
    auto upgraded = std::async(std::launch::async, [&] { return Upgrade(); });
    LetTimePass(milliseconds(i));
    auto next = ShimClient::Connect(*pod_.reactor, "pod", pod_.paths, &pod_.listener, TestPod::call());
    ASSERT_TRUE(next.ok()) << next.status();
    upgraded.wait();  // Unavailable if the new daemon came first
    pod_.client = *std::move(next);
    EXPECT_EQ(pod_.client->List(TestPod::call())->size(), 1u);
  }
}

// The hello of version 6 has no build.
TEST(ShimOfVersion6Test, IsTalkedToAndNotUpgraded) {
  const auto reactor = *Reactor::Start();
  RecordingListener listener;
  const ShimPaths paths{"", absl::StrCat("/tmp/crisp-old-shim-", getpid(), ".sock"), ""};
  const auto listening = ListenPackets(paths.socket);
  ASSERT_TRUE(listening.ok()) << listening.status();
  Fd connected;
  std::thread shim([&] {
    connected.reset(accept4(listening->get(), nullptr, nullptr, SOCK_CLOEXEC));
    char packet[shim::kMaxMessage];
    EXPECT_GT(recv(connected.get(), packet, sizeof(packet), 0), 0);
    std::string reply = shim::Encode(1, shim::HelloReply{6, static_cast<uint32_t>(getpid()), "pod", ""});
    reply.resize(reply.size() - sizeof(uint32_t));  // the length of the build
    EXPECT_GT(send(connected.get(), reply.data(), reply.size(), MSG_NOSIGNAL), 0);
  });
  const auto client = ShimClient::Connect(*reactor, "pod", paths, &listener, TestPod::call());
  shim.join();
  unlink(paths.socket.c_str());
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ((*client)->build(), "");
  const absl::Status upgraded = (*client)->Upgrade({"/crisp-shim", "newer"}, TestPod::call());
  EXPECT_TRUE(absl::IsInternal(upgraded)) << upgraded;
  EXPECT_THAT(std::string(upgraded.message()), HasSubstr("an older crisp, which had no upgrade in place"));
}

TEST_F(ShimUpgradeTest, AKilledShimIsADeadShim) {
  MustRun("a", "sleep 1000");
  {
    std::thread killer([&] {
      LetTimePass(milliseconds(2));
      kill(pod_.client->pid(), SIGKILL);
    });
    Upgrade().IgnoreError();
    killer.join();
  }
  EXPECT_TRUE(pod_.listener.AwaitGone());
  EXPECT_TRUE(absl::IsUnavailable(pod_.client->List(TestPod::call()).status()));
}

}  // namespace
}  // namespace crisp
