// Logging: one line for each event on stderr, where the service manager collects it. base/log_format.h has the two
// forms of a line.
//
//   LogInfo("pulled image", {{"image", name}, {"bytes", size}});
//
// A function either logs or returns an error, never both. The fields of pods and containers have the same names in
// every line: namespace, pod, uid, attempt, pod_id, container, container_id.
//
// Thread-safe: each line is one write(2), and lines do not mix. A line that cannot be written is dropped. A line that
// is off costs a comparison and allocates nothing, unless somebody observes it (base/recorder.h).
#pragma once

#include <atomic>
#include <ctime>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/log_format.h"

namespace crisp {

using LogFields = std::initializer_list<LogField>;

// Fields that are kept for several lines: name and value.
using OwnedLogFields = std::vector<std::pair<std::string, std::string>>;

// `owned` as fields of one line; valid as long as it is unchanged.
std::vector<LogField> ViewOf(const OwnedLogFields& owned);
// Likewise, with `more` behind.
std::vector<LogField> Joined(const OwnedLogFields& owned, absl::Span<const LogField> more);

struct LogOptions {
  LogLevel level = LogLevel::kInfo;  // lines below are not written
  LogFormat format = LogFormat::kText;
  // The reader of stderr is systemd's journal: lines begin with their priority, and those of kText have no time, which
  // the journal records itself. JSON lines keep theirs: their readers expect it.
  bool to_journal = false;
  bool operator==(const LogOptions&) const = default;
};

// Holds for all lines from now on. Before the first call the defaults hold.
void SetLogOptions(const LogOptions& options);

// Learns of every line, also of those below the level.
class LogObserver {
 public:
  virtual ~LogObserver() = default;
  // On the thread that logs, with no lock held. Must not log.
  virtual void OnLine(const timespec& time, LogLevel level, absl::string_view message,
                      absl::Span<const LogField> fields) = 0;
};

// Null: nobody, as at first. A line that is under way may still come to the one before.
void SetLogObserver(std::shared_ptr<LogObserver> observer);

// Whether JOURNAL_STREAM (systemd.exec(5)) names the device and inode of stderr.
bool StderrIsJournal();

// "trace" and "debug", "info", "warn", "error", "fatal" and "panic", as in debug.level; false for anything else.
bool ParseLogLevel(absl::string_view text, LogLevel* level);

namespace internal {
extern std::atomic<LogLevel> written_level;
extern std::atomic<LogLevel> wanted_level;  // written or observed
void WriteLog(LogLevel level, absl::string_view message, absl::Span<const LogField> fields);
}  // namespace internal

// Whether lines of `level` are written, or observed. For work that only a log line needs.
inline bool IsLogged(LogLevel level) {
  return level >= internal::wanted_level.load(std::memory_order_relaxed);
}

// Whether lines of `level` are written. For lines so frequent that they would displace all others from what an observer
// keeps.
inline bool IsWritten(LogLevel level) {
  return level >= internal::written_level.load(std::memory_order_relaxed);
}

inline void Log(LogLevel level, absl::string_view message, absl::Span<const LogField> fields) {
  if (IsLogged(level)) internal::WriteLog(level, message, fields);
}
inline void Log(LogLevel level, absl::string_view message, LogFields fields = {}) {
  if (IsLogged(level)) internal::WriteLog(level, message, fields);
}
inline void Log(LogLevel level, absl::string_view message, const OwnedLogFields& fields,
                absl::Span<const LogField> more = {}) {
  if (IsLogged(level)) internal::WriteLog(level, message, Joined(fields, more));
}

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
