// The real shim with the real runc, and logs on file systems that are full, or fail. Needs root, runc, busybox-static
// and mkfs.ext4.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/testing/wait.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "os/file.h"
#include "os/process.h"
#include "runtime/shim_stream.h"
#include "runtime/test_pod.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// What a log says, taken apart. `bad` is a line that is not one of a CRI log.
struct StreamOfLog {
  std::string text;  // without the shim's notes
  uint64_t lost_bytes = 0;
  uint64_t lost_lines = 0;
  int notes = 0;
};
struct ParsedLog {
  std::map<std::string, StreamOfLog> streams;
  std::string bad;
};

ParsedLog Parse(const std::string& log) {
  ParsedLog parsed;
  for (const absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(' ', 3));
    const bool valid = fields.size() == 4 && fields[0].size() == 30 &&
                       (fields[1] == "stdout" || fields[1] == "stderr") && (fields[2] == "F" || fields[2] == "P");
    if (!valid) {
      parsed.bad = std::string(line);
      continue;
    }
    StreamOfLog& stream = parsed.streams[std::string(fields[1])];
    if (!absl::StartsWith(fields[3], "[crisp] ")) {
      absl::StrAppend(&stream.text, fields[3], fields[2] == "F" ? "\n" : "");
      continue;
    }
    // "[crisp] lost 21 bytes, 3 lines of stdout: ..."
    const std::vector<absl::string_view> words = absl::StrSplit(fields[3], ' ');
    uint64_t bytes = 0, lines = 0;
    const bool counts = words.size() > 8 && absl::SimpleAtoi(words[2], &bytes) && absl::SimpleAtoi(words[4], &lines) &&
                        words[7] == absl::StrCat(fields[1], ":");
    if (!counts || fields[2] != "F") parsed.bad = std::string(line);
    stream.lost_bytes += bytes;
    stream.lost_lines += lines;
    ++stream.notes;
  }
  return parsed;
}

class ShimLogTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!Exists("/usr/sbin/runc")) GTEST_SKIP() << "needs runc";
    if (!Exists("/usr/sbin/mkfs.ext4")) GTEST_SKIP() << "needs mkfs.ext4";
    ASSERT_EQ(pod_.Launch(), absl::OkStatus());
    ASSERT_TRUE(MakeDirs(place_, 0755).ok());
  }
  void TearDown() override {
    if (HasFailure()) GTEST_LOG_(INFO) << "shim log:\n" << ShimLog();
    umount2(place_.c_str(), MNT_DETACH);
  }

  std::string ShimLog() { return ReadFileAt(AT_FDCWD, pod_.paths.log, 1 << 20).value_or("(none)"); }
  std::string Log() { return ReadFileAt(AT_FDCWD, log_path_, 256 << 20).value_or(""); }

  // Seen by the shim too: it has this process's mount namespace (made in main).
  void MountTmpfs(const std::string& size) {
    ASSERT_EQ(mount("tmpfs", place_.c_str(), "tmpfs", 0, ("size=" + size).c_str()), 0);
  }
  void ResizeTmpfs(const std::string& size) {
    ASSERT_EQ(mount("tmpfs", place_.c_str(), "tmpfs", MS_REMOUNT, ("size=" + size).c_str()), 0);
  }
  static void Run(const std::string& program, std::vector<std::string> args) {
    const auto result = RunCommand({program, std::move(args), {}, "", 4096}, TestPod::call());
    ASSERT_EQ(result.status(), absl::OkStatus());
    ASSERT_TRUE(result->ok()) << program << ": " << result->error_output;
  }
  // An ext4 file system in a file, of 8 MiB.
  void MakeExt4() {
    const Fd image(open(image_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(ftruncate(image.get(), 8 << 20), 0);
    Run("/usr/sbin/mkfs.ext4", {"-q", "-F", image_});
  }
  void MountExt4() { Run("/usr/bin/mount", {"-o", "loop", image_, place_}); }

  // Starts a container whose log is on the file system. The shell function `go` waits for the file /tmp/NAME.
  pid_t Start(const std::string& script, std::chrono::nanoseconds wait, bool attachable = false) {
    StartRequest request = pod_.Bundle(
        "a", TestPod::Shell(absl::StrCat("go() { while [ ! -e /tmp/$1 ]; do usleep 10000; done; }; ", script)));
    request.log_path = log_path_;
    request.log_wait = wait;
    request.attachable = attachable;
    const auto started = pod_.client->Start(request, TestPod::call());
    EXPECT_TRUE(started.ok()) << started.status();
    return started.ok() ? started->pid : -1;
  }
  void Go(const std::string& name) {
    EXPECT_TRUE(WriteFileAt(AT_FDCWD, pod_.Path("rootfs/tmp/" + name), "", 0644).ok());
  }
  bool Done(const std::string& name) { return Exists(pod_.Path("rootfs/tmp/" + name)); }

  TestPod pod_;
  const std::string place_ = pod_.Path("logs");
  const std::string image_ = pod_.Path("image");
  const std::string log_path_ = place_ + "/0.log";
};

std::string Numbered(int from, int to, const std::string& prefix) {
  std::string text;
  for (int i = from; i <= to; ++i) absl::StrAppend(&text, prefix, i, "\n");
  return text;
}

constexpr char kCount[] = "count() { i=$1; while [ $i -le $2 ]; do echo line $i; i=$((i+1)); done; }; ";

// What is written and what is counted as lost is together what the container wrote.
void ExpectComplete(const StreamOfLog& stream, const std::string& wrote) {
  EXPECT_EQ(stream.text.size() + stream.lost_bytes, wrote.size());
  EXPECT_EQ(static_cast<uint64_t>(std::count(stream.text.begin(), stream.text.end(), '\n')) + stream.lost_lines,
            static_cast<uint64_t>(std::count(wrote.begin(), wrote.end(), '\n')));
}

TEST_F(ShimLogTest, AFullFileSystemHoldsTheContainerUpForTheWaitAndThenCountsWhatIsLost) {
  MountTmpfs("256k");
  Start(absl::StrCat(kCount, "count 1 30000; touch /tmp/done; go on; count 30001 30100; exit 8"), seconds(3));
  ASSERT_TRUE(Eventually([&] { return absl::StrContains(ShimLog(), "cannot be written; the output waits"); }));
  const MonoTime refused = MonoClock::now();
  EXPECT_TRUE(Throughout(seconds(2), [&] { return !Done("done"); })) << "it is held up";
  ASSERT_TRUE(pod_.listener.AwaitLogLoss("a", true));
  EXPECT_GE(MonoClock::now() - refused, seconds(2));
  ASSERT_TRUE(Eventually([&] { return Done("done"); })) << "the container goes on without its log";
  EXPECT_THAT(pod_.listener.log_loss("a").error, HasSubstr("No space left on device"));
  EXPECT_EQ(Parse(Log()).streams["stdout"].notes, 0);
  ResizeTmpfs("16m");
  ASSERT_TRUE(pod_.listener.AwaitLogLoss("a", false));
  Go("on");
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 8);

  const ParsedLog log = Parse(Log());
  EXPECT_EQ(log.bad, "");
  const StreamOfLog stdout_log = log.streams.at("stdout");
  EXPECT_EQ(stdout_log.notes, 1);
  EXPECT_TRUE(absl::StartsWith(stdout_log.text, Numbered(1, 100, "line ")));
  EXPECT_TRUE(absl::EndsWith(stdout_log.text, Numbered(30001, 30100, "line ")));
  ExpectComplete(stdout_log, Numbered(1, 30100, "line "));
  const LogLoss told = pod_.listener.log_loss("a");
  EXPECT_EQ(told.bytes, stdout_log.lost_bytes);
  EXPECT_EQ(told.lines, stdout_log.lost_lines);
  EXPECT_GT(told.lines, 1000u);
}

TEST_F(ShimLogTest, BothStreamsAreCountedApart) {
  MountTmpfs("64k");
  Start("seq 1 20000; seq 1 30000 >&2; touch /tmp/done; go on; echo out; echo err >&2; exit 3", milliseconds(200));
  ASSERT_TRUE(Eventually([&] { return Done("done"); }));
  ResizeTmpfs("16m");
  ASSERT_TRUE(pod_.listener.AwaitLogLoss("a", false));
  Go("on");
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 3);
  const ParsedLog log = Parse(Log());
  EXPECT_EQ(log.bad, "");
  ExpectComplete(log.streams.at("stdout"), Numbered(1, 20000, "") + "out\n");
  ExpectComplete(log.streams.at("stderr"), Numbered(1, 30000, "") + "err\n");
  EXPECT_TRUE(absl::EndsWith(log.streams.at("stdout").text, "out\n"));
  EXPECT_TRUE(absl::EndsWith(log.streams.at("stderr").text, "err\n"));
  EXPECT_EQ(pod_.listener.log_loss("a").bytes,
            log.streams.at("stdout").lost_bytes + log.streams.at("stderr").lost_bytes);
}

TEST_F(ShimLogTest, AttachedClientsGetWhatTheLogLacks) {
  MountTmpfs("16k");
  Start("go attached; seq 1 20000; exit 0", milliseconds(100));
  AttachRequest request{"a", {false, false, true, false}};
  auto attached = pod_.client->Attach(request, TestPod::call());
  ASSERT_TRUE(attached.ok()) << attached.status();
  const Fd output = std::move((*attached)->TakeDescriptors().output);
  Go("attached");
  std::string got;
  const auto end = [&] {
    char buffer[65536];
    ssize_t n = 0;
    while ((n = read(output.get(), buffer, sizeof(buffer))) > 0) got.append(buffer, static_cast<size_t>(n));
    return n == 0;
  };
  EXPECT_TRUE(Eventually(end));
  EXPECT_TRUE(got == Numbered(1, 20000, "")) << got.size();
  EXPECT_GT(pod_.client->List(TestPod::call())->at(0).log_loss.lines, 1000u);
}

TEST_F(ShimLogTest, ALineThatEndsAfterTheLossIsWhole) {
  MountTmpfs("16k");
  Start("printf 'begins, '; seq 1 1000 >&2; go 1; echo 'is lost'; printf 'new'; touch /tmp/done; go 2; echo ' line'",
        milliseconds(100));
  ASSERT_TRUE(pod_.listener.AwaitLogLoss("a", true));
  Go("1");
  ASSERT_TRUE(Eventually([&] { return Done("done"); }));
  ASSERT_TRUE(Eventually([&] { return pod_.client->List(TestPod::call())->at(0).log_loss.bytes == 16; }));
  ResizeTmpfs("16m");
  ASSERT_TRUE(pod_.listener.AwaitLogLoss("a", false));
  Go("2");
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 0);
  const ParsedLog log = Parse(Log());
  EXPECT_EQ(log.bad, "");
  EXPECT_EQ(log.streams.at("stdout").text, "new line\n");
  EXPECT_EQ(log.streams.at("stdout").lost_bytes, 16u);
  EXPECT_EQ(log.streams.at("stdout").lost_lines, 1u);
  EXPECT_EQ(log.streams.at("stderr").text, Numbered(1, 1000, ""));
}

TEST_F(ShimLogTest, AContainerThatEndsWhileItsLogIsFullIsReportedAndTheNoteComesLater) {
  MountTmpfs("16k");
  Start("seq 1 20000; exit 7", seconds(60));
  const MonoTime begin = MonoClock::now();
  // Its output fits into the pipe in part only, so it waits for the log; that ends with its kill.
  ASSERT_TRUE(Eventually([&] { return absl::StrContains(ShimLog(), "the output waits"); }));
  ASSERT_TRUE(pod_.client->Kill("a", SIGKILL, false, TestPod::call()).ok());
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 137);
  EXPECT_LT(MonoClock::now() - begin, seconds(10)) << "the exit waits for no log";
  const size_t written = Parse(Log()).streams["stdout"].text.size();
  ResizeTmpfs("16m");
  EXPECT_TRUE(Eventually([&] { return Parse(Log()).streams["stdout"].text.size() > written; }))
      << "what was in the pipe is not lost";
}

TEST_F(ShimLogTest, WithoutAWaitOutputIsLostAtOnce) {
  MountTmpfs("16k");
  Start("seq 1 20000; exit 7", seconds(0));
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 7);
  ResizeTmpfs("16m");
  ASSERT_TRUE(pod_.listener.AwaitLogLoss("a", false));
  const ParsedLog log = Parse(Log());
  EXPECT_EQ(log.bad, "");
  ExpectComplete(log.streams.at("stdout"), Numbered(1, 20000, ""));
}

// The second time the log is full soon after the first, so the container must not wait as long again.
TEST_F(ShimLogTest, ALogThatIsFullAgainAndAgainDoesNotHoldTheContainerUpMostOfTheTime) {
  MountTmpfs("16k");
  Start("for n in 1 2 3 4; do seq 1 20000; touch /tmp/done$n; go $n; done; exit 7", seconds(2));
  for (int n = 1; n <= 4; ++n) {
    const MonoTime begin = MonoClock::now();
    ASSERT_TRUE(Eventually([&] { return Done(absl::StrCat("done", n)); }));
    EXPECT_LT(MonoClock::now() - begin, milliseconds(n == 1 ? 10000 : 1500)) << n;
    ASSERT_TRUE(pod_.listener.AwaitLogLoss("a", true));
    ResizeTmpfs(absl::StrCat(400 * n, "k"));
    ASSERT_TRUE(pod_.listener.AwaitLogLoss("a", false));
    ResizeTmpfs(absl::StrCat(400 * n + 16, "k"));
    Go(absl::StrCat(n));
  }
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 7);
}

TEST_F(ShimLogTest, AFullFileSystemInAFile) {
  MakeExt4();
  MountExt4();
  const std::string filler = place_ + "/filler";
  (void)WriteFileAt(AT_FDCWD, filler, std::string(16 << 20, 'x'), 0644);
  Start("seq 1 100000; touch /tmp/done; go on; echo after; exit 0", seconds(1));
  ASSERT_TRUE(Eventually([&] { return Done("done"); }));
  ASSERT_EQ(unlink(filler.c_str()), 0);
  ASSERT_TRUE(pod_.listener.AwaitLogLoss("a", false));
  Go("on");
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 0);
  const ParsedLog log = Parse(Log());
  EXPECT_EQ(log.bad, "");
  ExpectComplete(log.streams.at("stdout"), Numbered(1, 100000, "") + "after\n");
}

// As with errors=remount-ro after an error of the device.
TEST_F(ShimLogTest, AFileSystemThatBecomesReadOnlyIsLetGoAndItsLogGoesOnWhenItIsBack) {
  MakeExt4();
  MountExt4();
  Start("seq 1 1000; touch /tmp/first; go 1; seq 1001 40000; touch /tmp/done; go 2; echo after; exit 0", seconds(1));
  ASSERT_TRUE(Eventually([&] { return Done("first"); }));
  ASSERT_TRUE(Eventually([&] { return absl::EndsWith(Log(), " 1000\n"); }));
  Fd open_log(open(log_path_.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(fsync(open_log.get()), 0);
  open_log.reset();
  Run("/usr/bin/mount", {"-o", "remount,abort", place_});
  Go("1");
  ASSERT_TRUE(Eventually([&] { return Done("done"); }));
  ASSERT_TRUE(pod_.listener.AwaitLogLoss("a", true));
  EXPECT_THAT(pod_.listener.log_loss("a").error, HasSubstr("Read-only file system"));
  ASSERT_TRUE(Eventually([&] { return umount2(place_.c_str(), 0) == 0; })) << "the shim keeps it busy";
  ASSERT_TRUE(Throughout(seconds(1), [&] { return !Exists(log_path_); })) << "a log below the mount point";
  MountExt4();
  ASSERT_TRUE(pod_.listener.AwaitLogLoss("a", false));
  Go("2");
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 0);
  const ParsedLog log = Parse(Log());
  EXPECT_EQ(log.bad, "");
  ExpectComplete(log.streams.at("stdout"), Numbered(1, 40000, "") + "after\n");
}

TEST_F(ShimLogTest, ADaemonThatComesBackFindsWhatWasLost) {
  MountTmpfs("16k");
  Start("seq 1 20000; touch /tmp/done; go on; exit 0", milliseconds(100));
  ASSERT_TRUE(Eventually([&] { return Done("done"); }));
  ASSERT_EQ(pod_.Connect(), absl::OkStatus());
  auto listed = pod_.client->List(TestPod::call());
  ASSERT_TRUE(listed.ok()) << listed.status();
  EXPECT_TRUE(listed->at(0).log_loss.dropping);
  EXPECT_GT(listed->at(0).log_loss.bytes, 10000u);
  EXPECT_GT(listed->at(0).log_loss.lines, 1000u);
  ResizeTmpfs("16m");
  ASSERT_TRUE(pod_.listener.AwaitLogLoss("a", false));
  EXPECT_FALSE(pod_.client->List(TestPod::call())->at(0).log_loss.dropping);
  Go("on");
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 0);
}

TEST_F(ShimLogTest, AReopenMakesTheDirectoryThatWasRemoved) {
  const std::string directory = pod_.Path("logs/pod/container");
  StartRequest request =
      pod_.Bundle("a", TestPod::Shell("echo one; touch /tmp/one; while [ ! -e /tmp/on ]; do usleep 10000; "
                                      "done; echo two; exit 0"));
  request.log_path = directory + "/0.log";
  ASSERT_TRUE(pod_.client->Start(request, TestPod::call()).ok());
  ASSERT_TRUE(Eventually([&] { return Done("one"); }));
  ASSERT_TRUE(RemoveTree(pod_.Path("logs/pod")).ok());
  ASSERT_EQ(pod_.client->ReopenLog("a", TestPod::call()), absl::OkStatus());
  Go("on");
  EXPECT_EQ(pod_.listener.AwaitExit("a").exit_code, 0);
  EXPECT_THAT(ReadFileAt(AT_FDCWD, request.log_path, 4096).value_or(""), HasSubstr(" stdout F two\n"));
}

}  // namespace
}  // namespace crisp
