#include "client/log_reader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace crisp::client {
namespace {

std::string Entry(int second, const std::string& rest) {
  return "2026-11-30T19:44:0" + std::to_string(second) + ".000000000Z " + rest + "\n";
}

class LogReaderTest : public ::testing::Test {
 protected:
  LogReaderTest() { std::filesystem::create_directories(directory_); }
  ~LogReaderTest() override { std::filesystem::remove_all(directory_); }

  void Append(const std::string& text) { std::ofstream(path_, std::ios::app) << text; }
  std::string Read(
      const LogOptions& options, const std::function<bool()>& ended = [] { return true; }) {
    std::string text;
    EXPECT_TRUE(ReadLog(path_, options, -1, ended, [&](const LogLine& line) { text += line.text; }).ok());
    return text;
  }

  const std::string directory_ = ::testing::TempDir() + "log_reader";
  const std::string path_ = directory_ + "/0.log";
};

TEST_F(LogReaderTest, PartsOfALineAreJoined) {
  Append(Entry(1, "stdout P one ") + Entry(1, "stderr F two") + "rubbish\n" + Entry(2, "stdout F "));
  EXPECT_EQ(Read({}), "one two\n\n");
  EXPECT_TRUE(ParseLogLine("2026-11-30T19:44:01Z stderr F x")->error);
}

TEST_F(LogReaderTest, TheLastLinesAndTimes) {
  Append(Entry(1, "stdout F a") + Entry(2, "stdout F b") + Entry(3, "stdout F c"));
  LogOptions options;
  options.tail = 2;
  EXPECT_EQ(Read(options), "b\nc\n");
  options = {};
  options.since = ParseLogLine(Entry(2, "stdout F b"))->time;
  options.until = options.since;
  EXPECT_EQ(Read(options), "b\n");
}

TEST_F(LogReaderTest, AFollowedLogMayBeRotated) {
  Append(Entry(1, "stdout F before"));
  LogOptions options;
  options.follow = true;
  int asked = 0;
  const std::string text = Read(options, [&] {
    ++asked;
    if (asked == 1) {
      std::filesystem::rename(path_, path_ + ".old");
      Append(Entry(2, "stdout F after"));
    }
    return asked > 2;
  });
  EXPECT_EQ(text, "before\nafter\n");
}

TEST_F(LogReaderTest, ALogThatIsMissingIsNamed) {
  const absl::Status status = ReadLog(
      path_, {}, -1, [] { return true; }, [](const LogLine&) {});
  EXPECT_NE(status.message().find(path_), absl::string_view::npos);
}

}  // namespace
}  // namespace crisp::client
