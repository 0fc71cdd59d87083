// Execs with streams of their own, attachments and terminals: the real shim with the real runc. Needs root, runc and
// busybox-static.
#include "runtime/shim_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/testing/wait.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "os/file.h"
#include "runtime/shim_client.h"
#include "runtime/test_pod.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kNothing[] = "";

// Reads until `wanted` is in what has been read, or the stream ends, or 20 s have passed.
std::string ReadUntil(const Fd& fd, const std::string& wanted) {
  std::string text;
  const MonoTime patience = MonoClock::now() + seconds(20);
  while (wanted.empty() || text.find(wanted) == std::string::npos) {
    char buffer[65536];
    const ssize_t n = read(fd.get(), buffer, sizeof(buffer));
    if (n > 0) {
      text.append(buffer, static_cast<size_t>(n));
      continue;
    }
    if (n == 0 || errno != EAGAIN) return text;  // EIO: nobody has the terminal open any more
    if (MonoClock::now() > patience) return absl::StrCat(text, " (and then nothing for a long time)");
    pollfd ready{fd.get(), POLLIN, 0};
    poll(&ready, 1, 1000);
  }
  return text;
}

std::string ReadToEnd(const Fd& fd) {
  return ReadUntil(fd, kNothing);
}

// Writes all of it, as far as somebody reads. Bytes written.
size_t WriteSlowly(const Fd& fd, const std::string& text) {
  size_t written = 0;
  const MonoTime patience = MonoClock::now() + seconds(20);
  while (written < text.size() && MonoClock::now() < patience) {
    const ssize_t n = write(fd.get(), text.data() + written, text.size() - written);
    if (n > 0) {
      written += static_cast<size_t>(n);
      continue;
    }
    if (errno != EAGAIN) break;
    pollfd ready{fd.get(), POLLOUT, 0};
    poll(&ready, 1, 1000);
  }
  return written;
}

// The end of a stream, as a test waits for it.
class End {
 public:
  explicit End(ShimStream& stream) {
    stream.OnExit([promise = promise_](absl::StatusOr<int> how) { promise->set_value(std::move(how)); });
  }
  absl::StatusOr<int> Wait(std::chrono::nanoseconds patience = seconds(20)) {
    if (future_.wait_for(patience) != std::future_status::ready) return absl::DeadlineExceededError("it has not ended");
    return future_.get();
  }

 private:
  std::shared_ptr<std::promise<absl::StatusOr<int>>> promise_ = std::make_shared<std::promise<absl::StatusOr<int>>>();
  std::future<absl::StatusOr<int>> future_ = promise_->get_future();
};

class ShimStreamTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!Exists("/usr/sbin/runc")) GTEST_SKIP() << "needs runc";
    signal(SIGPIPE, SIG_IGN);
    const absl::Status launched = pod_.Launch();
    ASSERT_TRUE(launched.ok()) << launched;
  }
  void TearDown() override {
    if (HasFailure()) GTEST_LOG_(INFO) << "shim log:\n" << ReadFileAt(AT_FDCWD, pod_.paths.log, 1 << 20).value_or("");
  }

  pid_t MustRun(const std::string& id, const std::string& script) {
    const auto started = pod_.Run(id, TestPod::Shell(script));
    EXPECT_TRUE(started.ok()) << started.status();
    return started.ok() ? started->pid : -1;
  }

  // A container with a stdin, or a terminal.
  pid_t MustRunWith(const std::string& id, const std::string& script, const std::function<void(StartRequest&)>& how) {
    StartRequest request;
    how(request);
    const bool terminal = request.terminal;
    request = pod_.Bundle(id, TestPod::Shell(script),
                          [&](nlohmann::json& config) { config["process"]["terminal"] = terminal; });
    how(request);
    const auto started = pod_.client->Start(request, TestPod::call());
    EXPECT_TRUE(started.ok()) << started.status();
    return started.ok() ? started->pid : -1;
  }

  absl::StatusOr<std::unique_ptr<ShimStream>> TryExec(const std::string& id, const std::vector<std::string>& args,
                                                      bool terminal = false) {
    nlohmann::json process = nlohmann::json::parse(TestPod::Process(args));
    process["terminal"] = terminal;
    return pod_.client->OpenExec({id, process.dump(), {terminal, true, true, !terminal}}, TestPod::call());
  }
  std::unique_ptr<ShimStream> Exec(const std::string& id, const std::string& script, bool terminal = false) {
    auto stream = TryExec(id, TestPod::Shell(script), terminal);
    EXPECT_TRUE(stream.ok()) << stream.status();
    return stream.ok() ? *std::move(stream) : nullptr;
  }
  std::unique_ptr<ShimStream> Attach(const std::string& id, bool input = true) {
    auto stream = pod_.client->Attach({id, {false, input, true, true}}, TestPod::call());
    EXPECT_TRUE(stream.ok()) << stream.status();
    return stream.ok() ? *std::move(stream) : nullptr;
  }

  std::vector<pid_t> Processes(const std::string& id) { return cgroup::Processes(pod_.Cgroups(id)); }
  // None of the container's processes is running, or waits for a processor: proc_pid_stat(5), field 3.
  bool AllSleep(const std::string& id) {
    for (const pid_t pid : Processes(id)) {
      const std::string stat = ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/stat"), 4096).value_or("");
      if (!absl::StrContains(stat, ") S ")) return false;
    }
    return true;
  }
  // Those that execs have left.
  std::vector<std::string> ExecCgroups(const std::string& id) {
    std::vector<std::string> left;
    for (const cgroup::Dir& dir : pod_.Cgroups(id)) {
      for (const std::string& name : ListDir(dir.path).value_or(std::vector<std::string>())) {
        if (absl::StartsWith(name, "exec-")) left.push_back(dir.path + "/" + name);
      }
    }
    return left;
  }
  size_t ShimDescriptors() { return ListDir(absl::StrCat("/proc/", pod_.client->pid(), "/fd"))->size(); }

  TestPod pod_;
};

// ---- exec ----

TEST_F(ShimStreamTest, AnExecReadsAndWritesTheDaemonsOwnPipes) {
  MustRun("a", "sleep 1000");
  const auto stream = Exec("a", "cat; echo problem >&2; exit 7");
  ASSERT_NE(stream, nullptr);
  End end(*stream);
  ShimStream::Descriptors ends = stream->TakeDescriptors();
  EXPECT_EQ(WriteSlowly(ends.input, "one\ntwo\n"), 8u);
  EXPECT_EQ(ReadUntil(ends.output, "two\n"), "one\ntwo\n");
  EXPECT_EQ(end.Wait(milliseconds(50)).status().code(), absl::StatusCode::kDeadlineExceeded);
  ends.input.reset();
  EXPECT_EQ(end.Wait().value(), 7);
  EXPECT_EQ(ReadToEnd(ends.output), "");
  EXPECT_EQ(ReadToEnd(ends.error_output), "problem\n");
}

TEST_F(ShimStreamTest, AMissingBinaryIsToldWhenTheExecIsOpened) {
  MustRun("a", "sleep 1000");
  const auto stream = TryExec("a", {"/bin/nosuch"});
  EXPECT_EQ(stream.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(stream.status().message()), HasSubstr("exec: \"/bin/nosuch\": stat /bin/nosuch"));
  const auto terminal = TryExec("a", {"/bin/nosuch"}, true);
  EXPECT_THAT(std::string(terminal.status().message()), HasSubstr("exec: \"/bin/nosuch\": stat /bin/nosuch"));
  EXPECT_THAT(*ListDir(pod_.Path("a")), testing::UnorderedElementsAre("config.json", "init.pid"));
}

TEST_F(ShimStreamTest, OnlyARunningContainerCanBeEnteredOrAttachedTo) {
  MustRun("a", "exit 0");
  pod_.listener.AwaitExit("a");
  for (const char* id : {"a", "none"}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(TryExec(id, TestPod::Shell("exit 0")).status()));
    EXPECT_TRUE(
        absl::IsFailedPrecondition(pod_.client->Attach({id, {false, true, true, true}}, TestPod::call()).status()));
  }
}

TEST_F(ShimStreamTest, DestroyingAnExecKillsAllThatItStarted) {
  const pid_t pid = MustRun("a", "sleep 1000");
  auto stream = Exec("a", "setsid sh -c 'sleep 1000 & sleep 1000' & echo there; sleep 1000");
  ASSERT_NE(stream, nullptr);
  EXPECT_EQ(ReadUntil(stream->TakeDescriptors().output, "there\n"), "there\n");
  ASSERT_TRUE(Eventually([&] { return Processes("a").size() >= 4; }));
  bool told = false;
  stream->OnExit([&](const absl::StatusOr<int>&) { told = true; });
  stream.reset();
  EXPECT_TRUE(Eventually([&] { return Processes("a").size() == 1; }));
  EXPECT_THAT(Processes("a"), ElementsAre(pid));
  EXPECT_FALSE(told);
  EXPECT_TRUE(Eventually([&] {
    return ExecCgroups("a").size() == 1 && cgroup::Processes({{ExecCgroups("a")[0], "", false}}).empty();
  }));
}

TEST_F(ShimStreamTest, AnExecDiesWithItsDaemon) {
  const pid_t pid = MustRun("a", "sleep 1000");
  const auto stream = Exec("a", "echo there; sleep 1000");
  const auto terminal = Exec("a", "echo there; sleep 1000", true);
  ASSERT_TRUE(stream != nullptr && terminal != nullptr);
  EXPECT_EQ(ReadUntil(terminal->TakeDescriptors().output, "there\r\n"), "there\r\n");
  End end(*stream);
  ASSERT_TRUE(pod_.Connect().ok());  // as a new daemon does
  EXPECT_TRUE(absl::IsUnavailable(end.Wait().status()));
  EXPECT_TRUE(Eventually([&] { return Processes("a").size() == 1; }));
  EXPECT_THAT(Processes("a"), ElementsAre(pid));
}

TEST_F(ShimStreamTest, AnExecThatIsCancelledWhileItIsStartedLeavesNothing) {
  const pid_t pid = MustRun("a", "sleep 1000");
  for (int i = 0; i < 12; ++i) {
    const MonoTime when = MonoClock::now() + milliseconds(4 * i);
    const auto stream = pod_.client->OpenExec(
        {"a", TestPod::Process(TestPod::Shell("sleep 1000")), {false, true, true, true}}, CallContext(when));
    EXPECT_TRUE(stream.ok() || absl::IsDeadlineExceeded(stream.status())) << stream.status();
  }
  EXPECT_TRUE(Eventually([&] { return Processes("a").size() == 1; }));
  EXPECT_THAT(Processes("a"), ElementsAre(pid));
  EXPECT_TRUE(Eventually([&] { return ListDir(pod_.Path("a"))->size() == 2; }));
}

// runc makes a pid-file under another name first, and may be killed before it renames it.
TEST_F(ShimStreamTest, AnExecThatIsCancelledWhileItsPidFileIsWrittenLeavesNothing) {
  const std::string writes = pod_.Path("writes-pid-file");
  const std::string script =
      "#!/bin/sh\ncase \" $* \" in *' exec '*) while [ \"$1\" != --pid-file ]; do shift; done\n"
      ">\"${2%/*}/.${2##*/}\"; exec sleep 1000;; esac\nexec /usr/sbin/runc \"$@\"\n";
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, writes, script, 0755).ok());
  MustRunWith("a", "sleep 1000", [&](StartRequest& request) { request.runtime.binary = writes; });
  const auto begun = [&] { return Exists(pod_.Path("a/.exec-1.pid")); };
  const auto stream =
      pod_.client->OpenExec({"a", TestPod::Process(TestPod::Shell("sleep 1000")), {false, true, true, true}},
                            CallContext(kNoDeadline, begun));
  EXPECT_EQ(stream.status().code(), absl::StatusCode::kCancelled) << stream.status();
  EXPECT_TRUE(Eventually([&] { return ListDir(pod_.Path("a"))->size() == 2; }));
  EXPECT_THAT(*ListDir(pod_.Path("a")), testing::UnorderedElementsAre("config.json", "init.pid"));
}

TEST_F(ShimStreamTest, AChildThatKeepsThePipeDoesNotKeepTheEnd) {
  MustRun("a", "sleep 1000");
  const auto stream = Exec("a", "setsid sleep 1000 & echo gone; exit 3");
  ASSERT_NE(stream, nullptr);
  End end(*stream);
  EXPECT_EQ(end.Wait().value(), 3);
  EXPECT_EQ(ReadUntil(stream->TakeDescriptors().output, "gone\n"), "gone\n");
  EXPECT_EQ(Processes("a").size(), 2u) << "what it left belongs to the container";
}

TEST_F(ShimStreamTest, AnExecEndsWithItsContainer) {
  MustRun("a", "sleep 1000");
  const auto stream = Exec("a", "sleep 1000");
  ASSERT_NE(stream, nullptr);
  End end(*stream);
  ASSERT_TRUE(pod_.client->Kill("a", SIGKILL, false, TestPod::call()).ok());
  EXPECT_EQ(end.Wait().value(), 137);
}

TEST_F(ShimStreamTest, AnExecWithATerminalHasOneWithTheSizeThatItIsGiven) {
  MustRun("a", "sleep 1000");
  const auto stream = Exec("a", "trap 'stty size; exit 5' WINCH; echo ready; while :; do sleep 0.05; done", true);
  ASSERT_NE(stream, nullptr);
  End end(*stream);
  const ShimStream::Descriptors ends = stream->TakeDescriptors();
  EXPECT_FALSE(ends.error_output.valid());
  EXPECT_EQ(ReadUntil(ends.output, "ready\r\n"), "ready\r\n");
  stream->Resize(132, 43);
  EXPECT_EQ(end.Wait().value(), 5);
  EXPECT_THAT(ReadToEnd(ends.output), HasSubstr("43 132\r\n"));
}

TEST_F(ShimStreamTest, TheOutputOfATerminalIsThereAlsoIfItWasNotAskedFor) {
  MustRun("a", "sleep 1000");
  nlohmann::json process = nlohmann::json::parse(TestPod::Process(TestPod::Shell("echo hello; exit 3")));
  process["terminal"] = true;
  const auto stream = pod_.client->OpenExec({"a", process.dump(), {true, true, false, false}}, TestPod::call());
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ(ReadToEnd((*stream)->TakeDescriptors().output), "hello\r\n");
  EXPECT_EQ(End(**stream).Wait().value(), 3);
}

TEST_F(ShimStreamTest, AnInterruptTypedAtATerminalReachesTheProcess) {
  MustRun("a", "sleep 1000");
  const auto stream = Exec("a", "echo ready; sleep 1000", true);
  ASSERT_NE(stream, nullptr);
  End end(*stream);
  const ShimStream::Descriptors ends = stream->TakeDescriptors();
  EXPECT_EQ(ReadUntil(ends.output, "ready\r\n"), "ready\r\n");
  EXPECT_EQ(WriteSlowly(ends.input, "\x03"), 1u);
  EXPECT_EQ(end.Wait().value(), 130);
}

TEST_F(ShimStreamTest, TheEndIsNotToldAfterTheDestructor) {
  MustRun("a", "sleep 1000");
  for (int i = 0; i < 20; ++i) {
    std::atomic<bool> alive{true};
    auto stream = Exec("a", "exit 0");
    ASSERT_NE(stream, nullptr);
    stream->OnExit([&](const absl::StatusOr<int>&) { EXPECT_TRUE(alive); });
    LetTimePass(std::chrono::microseconds(200 * i));  // the destructor meets the end at another moment each time
    stream.reset();
    alive = false;
  }
}

TEST_F(ShimStreamTest, AStreamMayBeDestroyedInsideItsOwnEnd) {
  MustRun("a", "sleep 1000");
  std::promise<void> destroyed;
  auto stream = Exec("a", "exit 0");
  ASSERT_NE(stream, nullptr);
  ShimStream* const raw = stream.release();
  raw->OnExit([&, raw](const absl::StatusOr<int>&) {
    delete raw;
    destroyed.set_value();
  });
  EXPECT_EQ(destroyed.get_future().wait_for(seconds(20)), std::future_status::ready);
}

// ---- attach ----

TEST_F(ShimStreamTest, AnAttachmentSeesWhatComesAndTheLogHasAll) {
  MustRunWith("a", "echo before; read line; echo got $line; echo problem >&2; read line; exit 9",
              [](StartRequest& request) { request.input = true; });
  ASSERT_TRUE(Eventually([&] { return pod_.Output("a") == "before\n"; }));
  const auto stream = Attach("a");
  ASSERT_NE(stream, nullptr);
  End end(*stream);
  const ShimStream::Descriptors ends = stream->TakeDescriptors();
  EXPECT_EQ(WriteSlowly(ends.input, "hello\n"), 6u);
  EXPECT_EQ(ReadUntil(ends.output, "hello\n"), "got hello\n");
  EXPECT_EQ(ReadUntil(ends.error_output, "problem\n"), "problem\n");
  EXPECT_EQ(WriteSlowly(ends.input, "\n"), 1u);
  EXPECT_EQ(end.Wait().value(), 9);
  EXPECT_EQ(ReadToEnd(ends.output), "");
  EXPECT_EQ(pod_.Output("a"), "before\ngot hello\nproblem\n");
}

TEST_F(ShimStreamTest, SeveralAttachmentsEachGetAllOfIt) {
  MustRunWith("a", "read line; i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; exit 4",
              [](StartRequest& request) { request.input = true; });
  std::vector<std::unique_ptr<ShimStream>> streams;
  for (int i = 0; i < 3; ++i) streams.push_back(Attach("a"));
  std::vector<std::string> outputs(streams.size());
  std::vector<std::thread> readers;
  ShimStream::Descriptors first = streams[0]->TakeDescriptors();
  for (size_t i = 0; i < streams.size(); ++i) {
    readers.emplace_back([&, i] {
      const ShimStream::Descriptors ends = i == 0 ? std::move(first) : streams[i]->TakeDescriptors();
      if (i == 0) WriteSlowly(ends.input, "go\n");
      outputs[i] = ReadToEnd(ends.output);
      EXPECT_EQ(End(*streams[i]).Wait().value(), 4);
    });
  }
  for (std::thread& reader : readers) reader.join();
  const std::string log = pod_.Output("a");
  EXPECT_THAT(log, HasSubstr("line 19999\n"));
  for (const std::string& output : outputs) EXPECT_TRUE(output == log) << output.size() << " of " << log.size();
}

TEST_F(ShimStreamTest, StdinStaysOpenForTheNextAttachment) {
  MustRunWith("a", "cat; echo end", [](StartRequest& request) { request.input = true; });
  for (const std::string text : {"one\n", "two\n"}) {
    const auto stream = Attach("a");
    ASSERT_NE(stream, nullptr);
    ShimStream::Descriptors ends = stream->TakeDescriptors();
    EXPECT_EQ(WriteSlowly(ends.input, text), text.size());
    ends.input.reset();
    EXPECT_EQ(ReadUntil(ends.output, text), text);
  }
  EXPECT_EQ(pod_.Output("a"), "one\ntwo\n");
  EXPECT_EQ(pod_.listener.exits(), 0);
}

TEST_F(ShimStreamTest, StdinOnceEndsWithTheFirstAttachmentAndAllOfItIsRead) {
  const std::string text(300000, 'x');
  MustRunWith("a", "sleep 0.3; wc -c; exit 6",
              [](StartRequest& request) { request.input = request.input_once = true; });
  const auto stream = Attach("a");
  ASSERT_NE(stream, nullptr);
  End end(*stream);
  ShimStream::Descriptors ends = stream->TakeDescriptors();
  EXPECT_EQ(WriteSlowly(ends.input, text), text.size());
  ends.input.reset();
  EXPECT_EQ(ReadToEnd(ends.output), "300000\n");
  EXPECT_EQ(end.Wait().value(), 6);
}

TEST_F(ShimStreamTest, StdinOnceEndsAlsoWhenTheClientVanishes) {
  MustRunWith("a", "cat; exit 2", [](StartRequest& request) { request.input = request.input_once = true; });
  auto stream = Attach("a");
  ASSERT_NE(stream, nullptr);
  EXPECT_EQ(WriteSlowly(stream->TakeDescriptors().input, "last words\n"), 11u);
  stream.reset();
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 2);
  EXPECT_EQ(pod_.Output("a"), "last words\n");
}

TEST_F(ShimStreamTest, AContainerThatDoesNotReadHoldsUpTheWriterAndNothingIsLost) {
  MustRunWith("a", "sleep 0.5; cat; exit 0", [](StartRequest& request) { request.input = request.input_once = true; });
  const auto stream = Attach("a");
  ASSERT_NE(stream, nullptr);
  ShimStream::Descriptors ends = stream->TakeDescriptors();
  std::string text;
  while (text.size() < (4 << 20)) absl::StrAppend(&text, text.size(), " bottles of beer\n");
  std::thread writer([&] {
    EXPECT_EQ(WriteSlowly(ends.input, text), text.size());
    ends.input.reset();
  });
  const std::string output = ReadToEnd(ends.output);
  writer.join();
  EXPECT_TRUE(output == text) << output.size() << " of " << text.size();
}

TEST_F(ShimStreamTest, WithoutStdinItIsDevNull) {
  MustRun("a", "cat; echo end; exit 3");
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 3);
  EXPECT_EQ(pod_.Output("a"), "end\n");
}

TEST_F(ShimStreamTest, AttachWorksWithoutALog) {
  StartRequest request = pod_.Bundle("a", TestPod::Shell("read line; echo got $line; exit 8"));
  request.log_path.clear();
  request.attachable = true;
  request.input = true;
  ASSERT_TRUE(pod_.client->Start(request, TestPod::call()).ok());
  const auto stream = Attach("a");
  ASSERT_NE(stream, nullptr);
  const ShimStream::Descriptors ends = stream->TakeDescriptors();
  WriteSlowly(ends.input, "x\n");
  EXPECT_EQ(ReadToEnd(ends.output), "got x\n");
  EXPECT_EQ(End(*stream).Wait().value(), 8);
}

TEST_F(ShimStreamTest, AClientThatDoesNotReadIsLetGoAndTheContainerGoesOn) {
  MustRunWith("a", "read line; i=0; while [ $i -lt 60000 ]; do echo line $i; i=$((i+1)); done; exit 4",
              [](StartRequest& request) { request.input = true; });
  const auto idle = Attach("a", false);
  const auto reader = Attach("a");
  ASSERT_TRUE(idle != nullptr && reader != nullptr);
  End idle_end(*idle);
  End reader_end(*reader);
  const MonoTime begin = MonoClock::now();
  const ShimStream::Descriptors ends = reader->TakeDescriptors();
  WriteSlowly(ends.input, "go\n");
  const std::string output = ReadToEnd(ends.output);
  EXPECT_EQ(reader_end.Wait().value(), 4);
  const auto slow = idle_end.Wait();
  EXPECT_THAT(std::string(slow.status().message()), HasSubstr("the client took no output for 5 seconds"));
  EXPECT_GT(MonoClock::now() - begin, seconds(5));
  EXPECT_LT(MonoClock::now() - begin, seconds(30));
  EXPECT_TRUE(output == pod_.Output("a"));
  EXPECT_THAT(output, HasSubstr("line 59999\n"));
}

TEST_F(ShimStreamTest, AClientThatDoesNotReadDoesNotHoldUpTheExit) {
  MustRunWith("a", "read line; head -c 200000 /dev/zero | tr '\\0' z; exit 4",
              [](StartRequest& request) { request.input = true; });
  const auto stream = Attach("a");
  ASSERT_NE(stream, nullptr);
  End end(*stream);
  const ShimStream::Descriptors ends = stream->TakeDescriptors();
  WriteSlowly(ends.input, "go\n");
  // The pipes hold 64 KiB each and the shim a read more: the rest comes when the client reads, or is let go.
  ASSERT_TRUE(Eventually([&] { return pod_.Output("a").size() >= 65536 && AllSleep("a") && AllSleep("a"); }));
  ASSERT_TRUE(pod_.client->Kill("a", SIGKILL, true, TestPod::call()).ok());
  const MonoTime begin = MonoClock::now();
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 137);
  EXPECT_LT(MonoClock::now() - begin, milliseconds(1000));
  const std::string output = ReadToEnd(ends.output);
  EXPECT_GT(output.size(), 130000u);
  EXPECT_TRUE(output == pod_.Output("a"));
  EXPECT_EQ(end.Wait().value(), 137);
}

TEST_F(ShimStreamTest, AnAttachmentWhoseReaderHasGoneEndsAndTheContainerLivesOn) {
  MustRunWith("a", "while :; do echo x; sleep 0.05; done", [](StartRequest& request) { request.input = true; });
  const auto stream = Attach("a");
  ASSERT_NE(stream, nullptr);
  End end(*stream);
  ShimStream::Descriptors ends = stream->TakeDescriptors();
  EXPECT_THAT(ReadUntil(ends.output, "x\n"), HasSubstr("x\n"));
  ends.output.reset();
  ends.error_output.reset();
  EXPECT_EQ(end.Wait().value(), 0);
  EXPECT_EQ(pod_.listener.exits(), 0);
  EXPECT_TRUE(pod_.client->Kill("a", SIGKILL, true, TestPod::call()).ok());
}

TEST_F(ShimStreamTest, AnotherDaemonCanAttachAgain) {
  const pid_t pid = MustRunWith("a", "cat", [](StartRequest& request) { request.input = true; });
  const auto lost = Attach("a");
  ASSERT_NE(lost, nullptr);
  End end(*lost);
  ShimStream::Descriptors lost_ends = lost->TakeDescriptors();
  ASSERT_TRUE(pod_.Connect().ok());
  EXPECT_TRUE(absl::IsUnavailable(end.Wait().status()));
  EXPECT_EQ(ReadToEnd(lost_ends.output), "") << "the shim has closed its end";
  const auto stream = Attach("a");
  ASSERT_NE(stream, nullptr);
  const ShimStream::Descriptors ends = stream->TakeDescriptors();
  WriteSlowly(ends.input, "again\n");
  EXPECT_EQ(ReadUntil(ends.output, "again\n"), "again\n");
  EXPECT_THAT(Processes("a"), ElementsAre(pid));
}

TEST_F(ShimStreamTest, AttachmentsToADeadShimEnd) {
  MustRunWith("a", "cat", [](StartRequest& request) { request.input = true; });
  const auto stream = Attach("a");
  ASSERT_NE(stream, nullptr);
  End end(*stream);
  ASSERT_EQ(kill(pod_.client->pid(), SIGKILL), 0);
  EXPECT_TRUE(absl::IsUnavailable(end.Wait().status()));
  EXPECT_EQ(ReadToEnd(stream->TakeDescriptors().output), "");
  EXPECT_TRUE(pod_.listener.AwaitGone());
}

// ---- containers with a terminal ----

TEST_F(ShimStreamTest, ATerminalsOutputIsLoggedAsStdout) {
  MustRunWith("a", "tty; echo problem >&2; exit 7", [](StartRequest& request) { request.terminal = true; });
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 7);
  EXPECT_THAT(pod_.Log("a"), testing::ContainsRegex("^[0-9T:.-]+Z stdout F /dev/(console|pts/0)\r\n"));
  EXPECT_THAT(pod_.Log("a"), HasSubstr(" stdout F problem\r\n"));
  EXPECT_THAT(*ListDir(pod_.Path("a")), testing::UnorderedElementsAre("config.json", "init.pid", "exit"));
}

TEST_F(ShimStreamTest, WhoAttachesToATerminalTypesAndSetsItsSize) {
  MustRunWith("a", "read line; stty size; echo got $line; exit 4",
              [](StartRequest& request) { request.terminal = request.input = true; });
  const auto stream = Attach("a");
  ASSERT_NE(stream, nullptr);
  End end(*stream);
  const ShimStream::Descriptors ends = stream->TakeDescriptors();
  stream->Resize(100, 30);
  WriteSlowly(ends.input, "hello\n");
  EXPECT_EQ(ReadToEnd(ends.output), "hello\r\n30 100\r\ngot hello\r\n");
  EXPECT_EQ(ReadToEnd(ends.error_output), "");
  EXPECT_EQ(end.Wait().value(), 4);
}

TEST_F(ShimStreamTest, WhatIsWrittenToATerminalThatIsSlowToReadIsNotLost) {
  MustRunWith("a", "stty raw -echo; echo ready; sleep 0.5; head -c 500000 | wc -c; exit 0",
              [](StartRequest& request) { request.terminal = request.input = true; });
  const auto stream = Attach("a");
  ASSERT_NE(stream, nullptr);
  const ShimStream::Descriptors ends = stream->TakeDescriptors();
  ReadUntil(ends.output, "ready");
  EXPECT_EQ(WriteSlowly(ends.input, std::string(500000, 'x')), 500000u);
  EXPECT_THAT(ReadToEnd(ends.output), HasSubstr("500000"));
}

TEST_F(ShimStreamTest, ATerminalThatNobodyHasOpenForAWhileIsReadAgain) {
  MustRunWith("a", "exec </dev/null >/dev/null 2>&1; sleep 0.5; echo here >/dev/console; sleep 0.5; exit 3",
              [](StartRequest& request) { request.terminal = true; });
  const std::string status = absl::StrCat("/proc/", pod_.client->pid(), "/stat");
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 3);
  EXPECT_THAT(pod_.Log("a"), HasSubstr("here\r\n"));
  const std::vector<std::string> fields = absl::StrSplit(*ReadFileAt(AT_FDCWD, status, 4096), ' ');
  int ticks = 0;
  ASSERT_TRUE(absl::SimpleAtoi(fields[13], &ticks));
  EXPECT_LT(ticks, 20) << "it did not spin";
}

TEST_F(ShimStreamTest, AFailedStartWithATerminalIsToldInTheRuntimesWords) {
  StartRequest request =
      pod_.Bundle("a", {"/bin/nosuch"}, [](nlohmann::json& config) { config["process"]["terminal"] = true; });
  request.terminal = true;
  const auto started = pod_.client->Start(request, TestPod::call());
  EXPECT_THAT(std::string(started.status().message()), HasSubstr("exec: \"/bin/nosuch\": stat /bin/nosuch"));
  EXPECT_EQ(pod_.Leftovers("a"), "");
  EXPECT_THAT(*ListDir(pod_.Path("a")), testing::UnorderedElementsAre("config.json"));
}

// ---- limits ----

int64_t ResidentKilobytes(pid_t pid) {
  const std::string text = ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/status"), 8192).value_or("");
  int64_t kilobytes = -1;
  const size_t at = text.find("VmRSS:");
  if (at == std::string::npos) return -1;
  sscanf(text.c_str() + at, "VmRSS: %ld", &kilobytes);
  return kilobytes;
}

size_t Threads() {
  return ListDir("/proc/self/task")->size();
}

TEST_F(ShimStreamTest, AThousandExecsAndAHundredAttachmentsLeaveNothing) {
  MustRunWith("a", "cat", [](StartRequest& request) { request.input = true; });
  const auto exec = [&](int i) {
    const bool terminal = i % 5 == 4;
    const auto stream = Exec("a", i % 3 == 2 ? "sleep 1000" : "echo x", terminal);
    if (stream == nullptr || i % 3 == 2) return;  // a client that vanishes
    EXPECT_THAT(ReadToEnd(stream->TakeDescriptors().output), HasSubstr("x"));
    EXPECT_EQ(End(*stream).Wait().value(), 0);
  };
  const auto attach = [&](int i) {
    const auto stream = Attach("a");
    if (stream == nullptr || i % 3 == 2) return;
    ShimStream::Descriptors ends = stream->TakeDescriptors();
    WriteSlowly(ends.input, "x\n");
    EXPECT_THAT(ReadUntil(ends.output, "x\n"), HasSubstr("x\n"));
  };
  const auto run = [&](int execs, int attachments) {
    std::atomic<int> next{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = next++; i < execs; i = next++) exec(i);
      });
    }
    for (int i = 0; i < attachments; ++i) attach(i);
    for (std::thread& thread : threads) thread.join();
  };
  run(30, 10);
  ASSERT_TRUE(Eventually([&] { return Processes("a").size() == 1; }));
  const size_t descriptors = ListDir("/proc/self/fd")->size();
  const size_t threads = Threads();
  const size_t shim_descriptors = ShimDescriptors();
  [[maybe_unused]] const int64_t memory = ResidentKilobytes(getpid());
  const int64_t shim_memory = ResidentKilobytes(pod_.client->pid());
  run(1000, 100);
  EXPECT_TRUE(Eventually([&] { return Processes("a").size() == 1; }));
  EXPECT_TRUE(Eventually([&] { return ShimDescriptors() <= shim_descriptors; })) << ShimDescriptors();
  EXPECT_TRUE(Eventually([&] { return ListDir("/proc/self/fd")->size() <= descriptors; }));
  // As many as ran at once: four threads, and execs that are still ending when the next one begins.
  EXPECT_LE(ExecCgroups("a").size(), 16u) << absl::StrJoin(ExecCgroups("a"), " ");
  EXPECT_TRUE(Eventually([&] { return Threads() <= threads; }));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(ResidentKilobytes(getpid()) - memory, 4000);
  EXPECT_LT(ResidentKilobytes(pod_.client->pid()) - shim_memory, 100);
#endif
  GTEST_LOG_(INFO) << "shim " << shim_memory << " kB, then " << ResidentKilobytes(pod_.client->pid()) << " kB";
}

}  // namespace
}  // namespace crisp
