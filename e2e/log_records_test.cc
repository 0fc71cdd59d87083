#include "e2e/log_records.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "base/log_format.h"

namespace crisp::e2e {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kTime[] = "2026-11-23T10:00:00.123456Z ";

LogRecord Reread(LogLevel level, absl::string_view message, LogFields fields) {
  return ParseLogRecord(kTime + TextLogLine(level, message, fields));
}

TEST(LogRecordsTest, ALineIsTakenApart) {
  const LogRecord record = ParseLogRecord(std::string(kTime) + "info pulled image image=busybox:1 bytes=4261");
  EXPECT_EQ(record.time, "2026-11-23T10:00:00.123456Z");
  EXPECT_EQ(record.level, "info");
  EXPECT_EQ(record.message, "pulled image");
  EXPECT_THAT(record.fields, ElementsAre(std::pair("bytes", "4261"), std::pair("image", "busybox:1")));
}

TEST(LogRecordsTest, ALineWithoutFieldsIsAllMessage) {
  const LogRecord record = Reread(LogLevel::kError, "crispd cannot go on", {});
  EXPECT_EQ(record.level, "error");
  EXPECT_EQ(record.message, "crispd cannot go on");
  EXPECT_THAT(record.fields, IsEmpty());
}

TEST(LogRecordsTest, EveryValueComesBackAsItWasLogged) {
  for (const std::string value : {"", " ", "a=b", "\"quoted\" and \\", "line 1\nline 2\r\t", "\x01\x7f", "\xc3\xa9",
                                  "'single'", "back\\slash", "x y=z w=\"v\"",
                                  "\x01"
                                  "f",
                                  "1"}) {
    const LogRecord record =
        Reread(LogLevel::kDebug, "with: a value, (odd)", {{"before", 1}, {"odd", value}, {"x_y", 2}});
    EXPECT_EQ(record.message, "with: a value, (odd)");
    EXPECT_EQ(record.fields, (LogValues{{"before", "1"}, {"odd", value}, {"x_y", "2"}})) << value;
  }
}

TEST(LogRecordsTest, AMessageWithEscapesComesBack) {
  EXPECT_EQ(Reread(LogLevel::kInfo, "it's\n\"two\" lines", {{"key", "value"}}).message, "it's\n\"two\" lines");
}

TEST(LogRecordsTest, AMessageMayHaveAnEqualsSignThatIsNoField) {
  const LogRecord record = Reread(LogLevel::kInfo, "a == b, = c", {{"key", "value"}});
  EXPECT_EQ(record.message, "a == b, = c");
  EXPECT_EQ(record.fields, (LogValues{{"key", "value"}}));
}

TEST(LogRecordsTest, WhatIsNoRecordIsAnError) {
  for (const std::string line : {"", "E1123 10:00:00 chttp2_server.cc:1] failed", "info no time", kTime,
                                 "2026-11-23T10:00:00.123456Z verbose no such level"}) {
    EXPECT_FALSE(IsLogLine(line)) << line;
    EXPECT_THROW(ParseLogRecord(line), std::runtime_error) << line;
  }
  EXPECT_THROW(ParseLogRecord(std::string(kTime) + "info torn key=\"value"), std::runtime_error);
}

TEST(LogRecordsTest, OfALogOtherLinesAndATornLastOneAreLeftOut) {
  const std::string time = kTime;
  const auto records = ParseLogRecords(time + "info one\nE1123 of a library\n" + time + "warning two key=v\n" + time +
                                       "error to be continued ke");
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].message, "one");
  EXPECT_EQ(records[1].level, "warning");
  EXPECT_THAT(ParseLogRecords(""), IsEmpty());
  EXPECT_THAT(ParseLogRecords("torn"), IsEmpty());
}

TEST(LogRecordsTest, ARecordMatchesByItsMessageAndSomeOfItsFields) {
  const std::vector<LogRecord> records = {Reread(LogLevel::kInfo, "container exits", {{"code", 3}, {"pod", "web-0"}}),
                                          Reread(LogLevel::kInfo, "pod stops", {{"pod", "web-0"}})};
  EXPECT_THAT(records, Contains(IsLogRecord("container exits", {{"pod", "web-0"}})));
  EXPECT_THAT(records, Contains(IsLogRecord("container exits", {{"pod", "web-0"}, {"code", "3"}})));
  EXPECT_THAT(records, Contains(IsLogRecord("pod stops")));
  EXPECT_THAT(records, Not(Contains(IsLogRecord("container exits", {{"code", "4"}}))));
  EXPECT_THAT(records, Not(Contains(IsLogRecord("pod stops", {{"code", "3"}}))));
  EXPECT_THAT(records, Not(Contains(IsLogRecord("container"))));
}

}  // namespace
}  // namespace crisp::e2e
