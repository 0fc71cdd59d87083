#include "base/log.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <ctime>

#include "absl/strings/escaping.h"

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

std::string Now() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  std::array<char, 32> date{};
  const size_t length = strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 16> fraction{};
  const int fraction_length = snprintf(fraction.data(), fraction.size(), ".%06ldZ", now.tv_nsec / 1000);
  return absl::StrCat(absl::string_view(date.data(), length),
                      absl::string_view(fraction.data(), static_cast<size_t>(fraction_length)));
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
