#include "base/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/step_log.h"
#include "base/testing/captured_log.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr size_t kSmall = 4 * Recorder::kLongestLine;

bool Every(absl::string_view) {
  return true;
}

void Record(Recorder* recorder, absl::string_view message, const std::vector<LogField>& fields = {}) {
  recorder->OnLine({1790000000, 7}, LogLevel::kDebug, message, fields);
}

std::string MessageOf(const std::string& line) {
  return nlohmann::json::parse(line).at("msg");
}

std::string Dump(const Recorder& recorder) {
  const int fd = memfd_create("dump", MFD_CLOEXEC);
  recorder.DumpTo(fd);
  std::string text(static_cast<size_t>(lseek(fd, 0, SEEK_END)), '\0');
  EXPECT_EQ(pread(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  close(fd);
  return text;
}

// Of a file of the recorder's: everything between two newlines is an object, or nothing.
std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::string trimmed(line.substr(0, line.find_last_not_of(absl::string_view(" \0", 2)) + 1));
    if (trimmed.empty()) continue;
    EXPECT_TRUE(nlohmann::json::accept(trimmed)) << trimmed;
    lines.push_back(trimmed);
  }
  return lines;
}

class RecorderTest : public testing::Test {
 protected:
  ~RecorderTest() override {
    SetLogObserver(nullptr);
    unlink(path_.c_str());
  }
  // Where tests can have a file in memory.
  const std::string path_ = absl::StrCat("/dev/shm/crisp-recorder-", getpid());
};

TEST_F(RecorderTest, StepsAreRecordedThoughTheyAreNotWritten) {
  const CapturedLog log;
  const auto recorder = *Recorder::InMemory(kSmall);
  SetLogObserver(recorder);
  StepLog("RunPodSandbox", {{"pod", "web-0"}}).Done("create netns");
  LogInfo("serving");
  SetLogObserver(nullptr);
  LogInfo("no longer recorded");
  const std::vector<std::string> lines = recorder->Lines(Every);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], HasSubstr(R"("level":"debug","msg":"step","operation":"RunPodSandbox","step":"create netns")"));
  EXPECT_THAT(lines[0], HasSubstr(R"("pod":"web-0")"));
  EXPECT_EQ(MessageOf(lines[1]), "serving");
  EXPECT_THAT(log.Text(), testing::Not(HasSubstr("create netns")));
  EXPECT_FALSE(IsLogged(LogLevel::kDebug)) << "nobody observes any more";
}

TEST_F(RecorderTest, ALinesOwnLevelDecidesWhatIsWrittenNotThatItIsRecorded) {
  const CapturedLog log({.level = LogLevel::kWarning});
  SetLogObserver(*Recorder::InMemory(kSmall));
  EXPECT_TRUE(IsLogged(LogLevel::kDebug));
  EXPECT_FALSE(IsWritten(LogLevel::kInfo));
  SetLogOptions({.level = LogLevel::kInfo});
  EXPECT_TRUE(IsLogged(LogLevel::kDebug)) << "a new level does not end the observation";
  EXPECT_TRUE(IsWritten(LogLevel::kInfo));
}

// Lines of many lengths, so that ends of lines fall everywhere.
TEST_F(RecorderTest, TheNewestLinesStayWholeAndInOrderHoweverOftenTheRingGoesRound) {
  const auto recorder = *Recorder::InMemory(kSmall);
  for (int i = 0; i < 3000; ++i) {
    Record(recorder.get(), absl::StrCat(i), {{"text", std::string(static_cast<size_t>(i * 7919 % 900), 'x')}});
    if (i % 100 != 0) continue;
    const std::vector<std::string> lines = recorder->Lines(Every);
    EXPECT_EQ(LinesOf(Dump(*recorder)), lines);
    for (size_t k = 0; k < lines.size(); ++k) {
      ASSERT_EQ(MessageOf(lines[k]), absl::StrCat(i - static_cast<int>(lines.size() - 1 - k)));
    }
    size_t bytes = 0;
    for (const std::string& line : lines) bytes += line.size() + 1;
    EXPECT_TRUE(i < 100 || bytes > kSmall - 3 * 1100) << "only what the newest line and the end of the ring cost";
  }
}

TEST_F(RecorderTest, ALineThatFitsExactlyToTheEndIsKept) {
  const auto recorder = *Recorder::InMemory(kSmall);
  Record(recorder.get(), "");
  const size_t empty = recorder->Lines(Every)[0].size() + 1;
  for (size_t left = kSmall - empty; left > 0;) {
    const size_t length = left > 2048 ? 1024 : left;
    Record(recorder.get(), std::string(length - empty, 'a'));
    left -= length;
  }
  EXPECT_THAT(recorder->Lines(Every), SizeIs(16));
  Record(recorder.get(), "next");
  const std::vector<std::string> lines = recorder->Lines(Every);
  EXPECT_EQ(MessageOf(lines.back()), "next");
  EXPECT_THAT(lines, SizeIs(15)) << "it took the place of the first two";
}

TEST_F(RecorderTest, LinesAreChosen) {
  const auto recorder = *Recorder::InMemory(kSmall);
  for (const char* pod : {"a", "b", "a"}) Record(recorder.get(), "m", {{"pod", pod}});
  EXPECT_THAT(recorder->Lines([](absl::string_view line) { return absl::StrContains(line, R"("pod":"a")"); }),
              SizeIs(2));
}

TEST_F(RecorderTest, ALineThatIsTooLongIsCutAndStaysAnObject) {
  const auto recorder = *Recorder::InMemory(kSmall);
  const std::string text(100000, '\x01');  // six times as long in JSON
  Record(recorder.get(), "m", {{"error", text}, {"ms", 7}});
  Record(recorder.get(), text, {{"a", text}, {"b", text}, {"c", text}});
  const std::vector<std::string> lines = recorder->Lines(Every);
  ASSERT_THAT(lines, SizeIs(2));
  for (const std::string& line : lines) {
    EXPECT_LE(line.size(), Recorder::kLongestLine);
    EXPECT_EQ(nlohmann::json::parse(line).at("cut"), true);
  }
  EXPECT_EQ(nlohmann::json::parse(lines[0]).at("ms"), 7);
}

TEST_F(RecorderTest, ThreadsRecordSideBySideWhileOthersRead) {
  const auto recorder = *Recorder::InMemory(kSmall);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) Record(recorder.get(), absl::StrCat(t, " ", i), {{"text", std::string(100, 'x')}});
    });
  }
  for (int i = 0; i < 50; ++i) LinesOf(absl::StrCat(recorder->Lines(Every).size() > 10000));
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(LinesOf(Dump(*recorder)).size(), recorder->Lines(Every).size());
}

TEST_F(RecorderTest, AFileHasTheLinesOfADeadProcess) {
  {
    const auto recorder = Recorder::InFile(path_, kSmall);
    ASSERT_EQ(recorder.status(), absl::OkStatus());
    for (int i = 1000; i < 1200; ++i) Record(recorder->get(), absl::StrCat(i), {{"text", std::string(100, 'x')}});
    struct stat file {};
    ASSERT_EQ(stat(path_.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0600);
    EXPECT_EQ(file.st_size, static_cast<off_t>(kSmall));
    EXPECT_GE(static_cast<size_t>(file.st_blocks) * 512, kSmall) << "reserved: it cannot fail later";
  }
  std::stringstream text;
  text << std::ifstream(path_).rdbuf();
  std::vector<std::string> lines = LinesOf(text.str());
  EXPECT_GT(lines.size(), 50u);
  std::stable_sort(lines.begin(), lines.end());
  EXPECT_EQ(MessageOf(lines.back()), "1199");
}

TEST_F(RecorderTest, AFileThatIsTruncatedOrRemovedEndsNothing) {
  const auto recorder = *Recorder::InFile(path_, kSmall);
  Record(recorder.get(), "before");
  ASSERT_EQ(truncate(path_.c_str(), 0), 0);
  Record(recorder.get(), "after");
  EXPECT_THAT(recorder->Lines(Every), ElementsAre(HasSubstr("after")));
  unlink(path_.c_str());
  Record(recorder.get(), "and after");
  EXPECT_THAT(recorder->Lines(Every), SizeIs(2));
}

TEST_F(RecorderTest, AFileThatCannotBeHadIsAnErrorThatNamesItAndLeavesNothing) {
  EXPECT_EQ(Recorder::InFile("/dev/shm/no-such-directory/recorder").status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(Recorder::InFile("/proc/self/comm").status().code(), absl::StatusCode::kFailedPrecondition);
  const absl::Status large = Recorder::InFile(path_, size_t{1} << 60).status();
  EXPECT_EQ(large.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(large.message()), HasSubstr(path_));
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace crisp
