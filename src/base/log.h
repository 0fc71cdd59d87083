// Logging: one line an event on stderr, where the service manager collects it. base/log_format.h has the forms of a
// line.
//
//   LogInfo("pulled image", {{"image", name}, {"bytes", size}});
//
// A function either logs or returns an error, never both. Thread-safe: each line is one write(2), so lines do not mix.
// A line that cannot be written is dropped.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/log_format.h"

namespace crisp {

struct LogField {
  LogField(absl::string_view k, const absl::AlphaNum& v) : key(k), value(v.Piece()) {}
  absl::string_view key;
  std::string value;
};

using LogFields = std::initializer_list<LogField>;

// Fields that are kept for several lines: name and value.
using OwnedLogFields = std::vector<std::pair<std::string, std::string>>;

struct LogOptions {
  LogLevel level = LogLevel::kInfo;  // lines below are dropped
  LogFormat format = LogFormat::kText;
  // The reader of stderr is systemd's journal: lines begin with their priority, and those of kText have no time, which
  // the journal records itself. JSON lines keep theirs: their readers expect it.
  bool to_journal = false;
  bool operator==(const LogOptions&) const = default;
};

// Holds for all lines from now on. Before the first call the defaults hold.
void SetLogOptions(const LogOptions& options);

// Whether JOURNAL_STREAM (systemd.exec(5)) names the device and inode of stderr.
bool StderrIsJournal();

// Whether lines of `level` are written. For work that only a log line needs.
bool IsLogged(LogLevel level);

// "trace" and "debug", "info", "warn", "error", "fatal" and "panic", as in debug.level; false for anything else.
bool ParseLogLevel(absl::string_view text, LogLevel* level);

void Log(LogLevel level, absl::string_view message, LogFields fields = {});
void Log(LogLevel level, absl::string_view message, const OwnedLogFields& fields);

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

}  // namespace crisp
