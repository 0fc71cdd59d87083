// Logging: one line an event on stderr, where the service manager collects it.
//
//   LogInfo("pulled image", {{"image", name}, {"bytes", size}});
//   2026-11-23T10:00:00.123456Z info pulled image image=busybox:1 bytes=4261
//
// A function either logs or returns an error, never both. Thread-safe: a line is one write(2), never torn.
#pragma once

#include <initializer_list>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace crisp {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogField {
  LogField(absl::string_view k, const absl::AlphaNum& v) : key(k), value(v.Piece()) {}
  absl::string_view key;
  std::string value;
};

using LogFields = std::initializer_list<LogField>;

// Lines below `level` are dropped from now on. The level at start is kInfo.
void SetLogLevel(LogLevel level);

// "trace" and "debug", "info", "warn", "error", "fatal" and "panic", as in debug.level; false for anything else.
bool ParseLogLevel(absl::string_view text, LogLevel* level);

void Log(LogLevel level, absl::string_view message, LogFields fields = {});

inline void LogDebug(absl::string_view message, LogFields fields = {}) {
  Log(LogLevel::kDebug, message, fields);
}
inline void LogInfo(absl::string_view message, LogFields fields = {}) {
  Log(LogLevel::kInfo, message, fields);
}
inline void LogWarning(absl::string_view message, LogFields fields = {}) {
  Log(LogLevel::kWarning, message, fields);
}
inline void LogError(absl::string_view message, LogFields fields = {}) {
  Log(LogLevel::kError, message, fields);
}

// The line that Log would write, without its time. For tests.
std::string FormatLogLine(LogLevel level, absl::string_view message, LogFields fields);

}  // namespace crisp
