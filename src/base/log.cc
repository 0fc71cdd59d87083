#include "base/log.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"

namespace crisp {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};

absl::string_view LevelName(LogLevel level) {
  constexpr std::array<absl::string_view, 4> kNames = {"debug", "info", "warning", "error"};
  return kNames[static_cast<size_t>(level)];
}

bool NeedsQuotes(absl::string_view value) {
  return value.empty() || std::any_of(value.begin(), value.end(),
                                      [](char c) { return c <= ' ' || c == '"' || c == '=' || c == '\x7f'; });
}

// RFC 3339 in UTC, with microseconds. gmtime_r would take the lock of the C library's time zone.
std::string Now() {
  using std::chrono::floor;
  const auto now = floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  const auto today = floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(today);
  const std::chrono::hh_mm_ss time(now - today);
  return absl::StrFormat("%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", int{date.year()}, unsigned{date.month()},
                         unsigned{date.day()}, time.hours().count(), time.minutes().count(), time.seconds().count(),
                         time.subseconds().count());
}

}  // namespace

void SetLogLevel(LogLevel level) {
  g_level = level;
}

bool ParseLogLevel(absl::string_view text, LogLevel* level) {
  if (text == "trace" || text == "debug") {
    *level = LogLevel::kDebug;
  } else if (text == "info") {
    *level = LogLevel::kInfo;
  } else if (text == "warn") {
    *level = LogLevel::kWarning;
  } else if (text == "error" || text == "fatal" || text == "panic") {
    *level = LogLevel::kError;
  } else {
    return false;
  }
  return true;
}

std::string FormatLogLine(LogLevel level, absl::string_view message, LogFields fields) {
  std::string line = absl::StrCat(LevelName(level), " ", absl::CHexEscape(message));
  for (const LogField& field : fields) {
    if (NeedsQuotes(field.value)) {
      absl::StrAppend(&line, " ", field.key, "=\"", absl::CHexEscape(field.value), "\"");
    } else {
      absl::StrAppend(&line, " ", field.key, "=", field.value);
    }
  }
  return line;
}

void Log(LogLevel level, absl::string_view message, LogFields fields) {
  if (level < g_level) return;
  const std::string line = absl::StrCat(Now(), " ", FormatLogLine(level, message, fields), "\n");
  // Nobody to tell if stderr is gone.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace crisp
