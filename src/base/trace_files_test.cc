#include "base/trace_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "base/recording.h"
#include "base/testing/captured_log.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

const OwnedLogFields kWeb = {
    {"namespace", "default"}, {"pod", "web"}, {"uid", "u1"}, {"attempt", "0"}, {"pod_id", "aaa"}};
const OwnedLogFields kOther = {
    {"namespace", "default"}, {"pod", "other"}, {"uid", "u2"}, {"attempt", "0"}, {"pod_id", "bbb"}};

std::string Read(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class TraceFilesTest : public testing::Test {
 protected:
  TraceFilesTest() { mkdir(base_.c_str(), 0700); }
  ~TraceFilesTest() override {
    SetLogObserver(nullptr);
    std::filesystem::remove_all(base_);
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  const std::string base_ = absl::StrCat("/dev/shm/crisp-traces-", getpid());
  const std::string directory_ = base_ + "/traces";
  const std::string file_ = base_ + "/recorder.jsonl";
  const CapturedLog log_;
};

TEST_F(TraceFilesTest, AFailureLeavesTheLinesOfItsObjectOnly) {
  Recording recording(file_, directory_, 1 << 16);
  Log(LogLevel::kDebug, "step of web", kWeb);
  Log(LogLevel::kDebug, "step of other", kOther);
  const std::string path = recording.traces().ForFailure("StopPodSandbox");
  EXPECT_THAT(path, AllOf(StartsWith(directory_ + "/failure-2"), EndsWith("Z-StopPodSandbox.jsonl")));
  Log(LogLevel::kWarning, "StopPodSandbox", kWeb, {{{"trace", path}}});
  recording.traces().Write(path, kWeb);
  EXPECT_THAT(Read(path), AllOf(StartsWith("{\"time\":"), HasSubstr("step of web"), Not(HasSubstr("other")),
                                EndsWith(absl::StrCat("\"trace\":\"", path, "\"}\n"))));
  struct stat file {};
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600);
}

TEST_F(TraceFilesTest, AnotherFailureWithinThePauseLeavesNone) {
  Recording recording(file_, directory_, 1 << 16);
  EXPECT_NE(recording.traces().ForFailure("A"), "");
  EXPECT_EQ(recording.traces().ForFailure("B"), "");
}

TEST_F(TraceFilesTest, TheOldestMakeRoomAndAFileIsBounded) {
  const auto recorder = *Recorder::InMemory(1 << 20);
  SetLogObserver(recorder);
  TraceFiles traces(directory_, recorder, std::chrono::nanoseconds(0));
  for (int i = 0; i < 1000; ++i)
    Log(LogLevel::kDebug, absl::StrCat("line ", i), kWeb, {{{"x", std::string(500, 'x')}}});
  std::vector<std::string> paths;
  for (size_t i = 0; i < TraceFiles::kMostFailures + 3; ++i) {
    paths.push_back(traces.ForFailure(absl::StrCat("M", 100 + i)));
    traces.Write(paths.back(), kWeb);
  }
  EXPECT_THAT(Names(), SizeIs(TraceFiles::kMostFailures));
  EXPECT_NE(access(paths.front().c_str(), F_OK), 0);
  const std::string newest = Read(paths.back());
  EXPECT_LE(newest.size(), TraceFiles::kMostOfFailure);
  EXPECT_THAT(newest, AllOf(HasSubstr("line 999"), Not(HasSubstr("line 1\""))));
}

TEST_F(TraceFilesTest, WhatAKilledProcessHadRecordedIsKeptInOrderAndNamed) {
  {
    const auto killed = *Recorder::InFile(file_, 1 << 16);
    SetLogObserver(killed);
    for (int i = 1000; i < 1400; ++i) Log(LogLevel::kDebug, absl::StrCat("line ", i), kWeb);
    SetLogObserver(nullptr);
  }
  { const Recording next(file_, directory_, 1 << 16); }
  ASSERT_THAT(Names(), SizeIs(1));
  const std::string text = Read(directory_ + "/" + Names()[0]);
  EXPECT_THAT(text, AllOf(StartsWith("{\"time\":"), HasSubstr("line 1399\"")));
  EXPECT_LT(text.find("line 1390"), text.find("line 1399"));
  EXPECT_THAT(log_.Text(), HasSubstr(absl::StrCat("trace=", directory_, "/", Names()[0])));
  { const Recording after_an_end_in_order(file_, directory_, 1 << 16); }
  EXPECT_THAT(Names(), SizeIs(1));
}

TEST_F(TraceFilesTest, WithoutAPlaceForTheFileTheRecorderIsInMemory) {
  Recording recording("/proc/no-such-directory/recorder", "/proc/no-such-directory/traces", 1 << 16);
  EXPECT_THAT(log_.Text(), AllOf(HasSubstr("what is recorded is lost if crispd is killed"),
                                 HasSubstr("no traces of failures will be kept")));
  LogDebug("recorded");
  EXPECT_THAT(recording.recorder()->Lines([](absl::string_view) { return true; }), SizeIs(1));
  const std::string path = recording.traces().ForFailure("A");
  recording.traces().Write(path, {});
  EXPECT_THAT(log_.Text(), HasSubstr("a trace cannot be written"));
}

TEST_F(TraceFilesTest, NothingRemainsOfARecordingThatEnds) {
  { const Recording recording(file_, directory_, 1 << 16); }
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_NE(access(file_.c_str(), F_OK), 0);
  EXPECT_FALSE(IsLogged(LogLevel::kDebug));
}

}  // namespace
}  // namespace crisp
