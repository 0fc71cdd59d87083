#include "base/log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/captured_log.h"

static thread_local size_t g_allocations = 0;

void* operator new(size_t size) {
  ++g_allocations;
  if (void* memory = malloc(size)) return memory;
  abort();
}
void operator delete(void* memory) noexcept {
  free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  free(memory);
}

namespace crisp {
namespace {

TEST(TextLogLineTest, FieldsFollowTheMessage) {
  EXPECT_EQ(TextLogLine(LogLevel::kInfo, "pulled image", {{"image", "busybox:1"}, {"bytes", 4261}}),
            "info pulled image image=busybox:1 bytes=4261");
}

TEST(LogLineTest, NumbersAndFlagsAreTyped) {
  const std::vector<LogField> fields = {{"int", -1}, {"unsigned", UINT64_MAX}, {"flag", true}, {"real", 1.5}};
  EXPECT_EQ(TextLogLine(LogLevel::kInfo, "m", fields),
            "info m int=-1 unsigned=18446744073709551615 flag=true real=1.5");
  const auto parsed = nlohmann::json::parse(JsonLogLine({}, LogLevel::kInfo, "m", fields));
  EXPECT_EQ(parsed.at("int"), -1);
  EXPECT_EQ(parsed.at("unsigned"), UINT64_MAX);
  EXPECT_EQ(parsed.at("flag"), true);
  EXPECT_EQ(parsed.at("real"), 1.5);
  const std::vector<LogField> infinite = {{"real", HUGE_VAL}};
  EXPECT_TRUE(nlohmann::json::parse(JsonLogLine({}, LogLevel::kInfo, "m", infinite)).at("real").is_null());
}

TEST(TextLogLineTest, AValueCannotForgeAFieldOrALine) {
  EXPECT_EQ(TextLogLine(LogLevel::kWarning, "odd", {{"name", "a b=c\nerror fake"}, {"empty", ""}}),
            "warning odd name=\"a b=c\\nerror fake\" empty=\"\"");
  EXPECT_EQ(TextLogLine(LogLevel::kWarning, "line\nbreak", {}), "warning line\\nbreak");
}

TEST(JsonLogLineTest, IsOneObjectWithTheTimeInNanoseconds) {
  EXPECT_EQ(JsonLogLine({1790000000, 7}, LogLevel::kInfo, "pulled image", {{"image", "busybox:1"}, {"bytes", 4261}}),
            "{\"time\":\"2026-09-21T14:13:20.000000007Z\",\"level\":\"info\",\"msg\":\"pulled image\","
            "\"image\":\"busybox:1\",\"bytes\":4261}");
}

TEST(JsonLogLineTest, EveryCharacterSurvivesAJsonParser) {
  std::string every;
  for (char c = 0; c >= 0 && c < 127; ++c) every.push_back(c);
  every += "\x7fé€😀";
  const std::string line = JsonLogLine({}, LogLevel::kError, every, {{"field", every}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed.at("level"), "error");
  EXPECT_EQ(parsed.at("msg"), every);
  EXPECT_EQ(parsed.at("field"), every);
}

TEST(JsonLogLineTest, BytesThatAreNoUtf8AreReplaced) {
  const std::string r = "\xef\xbf\xbd";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a\xff"
       "b",
       "a" + r + "b"},                          // never in UTF-8
      {"\xc3", r},                              // cut off
      {"\xe2\x82", r + r},                      // cut off
      {"\xe2\x82z", r + r + "z"},               // cut off by another character
      {"\xc0\xaf", r + r},                      // "/", overlong
      {"\xe0\x80\xaf", r + r + r},              // "/", overlong
      {"\xed\xa0\x80", r + r + r},              // a surrogate
      {"\xf4\x90\x80\x80", r + r + r + r},      // above U+10FFFF
      {"\x80", r},                              // no first byte
      {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"}  // U+10FFFF
  };
  for (const auto& [text, expected] : cases) {
    const auto parsed = nlohmann::json::parse(JsonLogLine({}, LogLevel::kInfo, text, {}));
    EXPECT_EQ(parsed.at("msg"), expected) << testing::PrintToString(text);
  }
}

TEST(LogTest, ATextLineHasItsTime) {
  const CapturedLog log;
  LogWarning("full", {{"disk", "sda"}});
  EXPECT_TRUE(
      std::regex_match(log.Text(), std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z warning full disk=sda\n)")))
      << log.Text();
}

TEST(LogTest, FieldsMayBeKept) {
  const CapturedLog log({.to_journal = true});
  const OwnedLogFields fields = {{"pod", "web-0"}};
  Log(LogLevel::kInfo, "one", fields);
  Log(LogLevel::kInfo, "two", fields);
  EXPECT_EQ(log.Text(), "<6>info one pod=web-0\n<6>info two pod=web-0\n");
}

TEST(LogTest, LinesForTheJournalHaveTheirPriorityAndNoTime) {
  const CapturedLog log({.level = LogLevel::kDebug, .to_journal = true});
  LogDebug("d");
  LogInfo("i");
  LogWarning("w");
  LogError("e");
  EXPECT_EQ(log.Text(), "<7>debug d\n<6>info i\n<4>warning w\n<3>error e\n");
}

TEST(LogTest, AJsonLineIsWrittenAsOne) {
  const CapturedLog log({.format = LogFormat::kJson});
  LogInfo("serving", {{"address", "/run/crisp.sock"}});
  ASSERT_EQ(log.Text().back(), '\n');
  const auto parsed = nlohmann::json::parse(log.Text());
  EXPECT_EQ(parsed.at("msg"), "serving");
  EXPECT_EQ(parsed.at("address"), "/run/crisp.sock");
}

TEST(LogTest, LinesBelowTheLevelAreDropped) {
  const CapturedLog log({.level = LogLevel::kWarning});
  EXPECT_FALSE(IsLogged(LogLevel::kInfo));
  LogInfo("quiet");
  Log(LogLevel::kInfo, "quiet", OwnedLogFields{{"a", "b"}});
  EXPECT_EQ(log.Text(), "");
}

TEST(LogTest, ALineThatIsOffAllocatesNothing) {
  const std::string text(1000, 'x');
  const size_t before = g_allocations;
  LogDebug("quiet", {{"text", text}, {"number", 1 << 20}, {"view", absl::string_view(text)}});
  EXPECT_EQ(g_allocations, before);
}

TEST(LogTest, LongLinesOfManyThreadsDoNotMix) {
  const CapturedLog log({.to_journal = true});
  const std::string text(100000, 'x');
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&text] {
      for (int line = 0; line < 20; ++line) LogInfo("long", {{"text", text}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::string expected;
  for (int i = 0; i < 80; ++i) expected += "<6>info long text=" + text + "\n";
  EXPECT_TRUE(log.Text() == expected);
}

TEST(LogTest, TheJournalIsKnownByDeviceAndInodeOfStderr) {
  const CapturedLog log;
  struct stat file {};
  ASSERT_EQ(fstat(STDERR_FILENO, &file), 0);
  unsetenv("JOURNAL_STREAM");
  EXPECT_FALSE(StderrIsJournal());
  setenv("JOURNAL_STREAM", absl::StrCat(file.st_dev, ":", file.st_ino).c_str(), 1);
  EXPECT_TRUE(StderrIsJournal());
  // Inherited from a service whose stderr was the journal, and then redirected.
  setenv("JOURNAL_STREAM", absl::StrCat(file.st_dev, ":", file.st_ino + 1).c_str(), 1);
  EXPECT_FALSE(StderrIsJournal());
  unsetenv("JOURNAL_STREAM");
}

TEST(LogTest, LevelsOfTheConfigFileAreKnown) {
  LogLevel level = LogLevel::kInfo;
  EXPECT_TRUE(ParseLogLevel("debug", &level));
  EXPECT_EQ(level, LogLevel::kDebug);
  EXPECT_TRUE(ParseLogLevel("warn", &level));
  EXPECT_EQ(level, LogLevel::kWarning);
  EXPECT_FALSE(ParseLogLevel("loud", &level));
}

}  // namespace
}  // namespace crisp
