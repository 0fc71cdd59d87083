// The two forms of a log line: text for people, JSON for log collectors. Pure functions; base/log.h writes the lines.
//
//   text: 2026-11-23T10:00:00.123456Z info pulled image image=busybox:1 bytes=4261
//   JSON: {"time":"2026-11-23T10:00:00.123456789Z","level":"info","msg":"pulled
//   image","image":"busybox:1","bytes":"4261"}
//
// A line is always one line: control characters are escaped, so no value can forge a field or a line.
#pragma once

#include <ctime>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace crisp {

enum class LogLevel : unsigned char { kDebug, kInfo, kWarning, kError };
enum class LogFormat : unsigned char { kText, kJson };

// Names and values of fields. Names are identifiers of our own and need no escaping.
using LogFieldView = std::pair<absl::string_view, absl::string_view>;

// UTC, RFC 3339, with `digits` (1 to 9) digits of the second's fraction.
std::string FormatLogTime(const timespec& time, int digits);

// "info pulled image image=busybox:1". Everything but printable ASCII is written as C escapes.
std::string TextLogLine(LogLevel level, absl::string_view message, absl::Span<const LogFieldView> fields);

// One object with time, level, msg and then the fields, all strings. Valid UTF-8 for any input: each byte that is not
// part of a well-formed sequence becomes U+FFFD.
std::string JsonLogLine(const timespec& time, LogLevel level, absl::string_view message,
                        absl::Span<const LogFieldView> fields);

// sd-daemon(3): "<7>" for debug to "<3>" for errors, at the start of a line.
absl::string_view JournalPriority(LogLevel level);

}  // namespace crisp
