// The daemon's log as tests read it: the lines of src/base/log.h taken apart, so that a test can ask for a line with a
// message and certain fields whatever else is in it.
//
//   EXPECT_THAT(node().LogRecords(), Contains(IsLogRecord("container exits", {{"container", "web"}, {"code", "3"}})));
#pragma once

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "gmock/gmock.h"

namespace crisp::e2e {

using LogValues = std::map<std::string, std::string>;

// As FormatLogLine writes it, with all escapes undone.
struct LogRecord {
  std::string time;   // RFC 3339, UTC, microseconds
  std::string level;  // "debug", "info", "warning" or "error"
  std::string message;
  LogValues fields;
};

// GoogleTest prints a record with this.
std::ostream& operator<<(std::ostream& out, const LogRecord& record);

// True for a line that Log has written. Other lines come from libraries and sanitizers.
bool IsLogLine(const std::string& line);

// The record of a line, given without its newline. The message ends where the first " key=" begins, so it must not
// contain one. Throws std::runtime_error for a line that is no record.
LogRecord ParseLogRecord(const std::string& line);

// The records of a whole log, in order. Other lines are left out, and so is a last line without a newline, which is
// still being written.
std::vector<LogRecord> ParseLogRecords(const std::string& log);

// Matches a record with this message and these fields; it may have more.
::testing::Matcher<LogRecord> IsLogRecord(const std::string& message, const LogValues& fields = {});

}  // namespace crisp::e2e
