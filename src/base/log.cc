#include "base/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <ctime>

namespace crisp {
namespace {

// One atomic for each option: a line that is written while they change may have some of the old ones.
std::atomic<LogLevel> g_level{LogOptions().level};
std::atomic<LogFormat> g_format{LogOptions().format};
std::atomic<bool> g_to_journal{LogOptions().to_journal};

void WriteLine(LogLevel level, absl::string_view message, absl::Span<const LogFieldView> fields) {
  const bool to_journal = g_to_journal;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  std::string line(to_journal ? JournalPriority(level) : "");
  if (g_format == LogFormat::kJson) {
    absl::StrAppend(&line, JsonLogLine(now, level, message, fields), "\n");
  } else {
    if (!to_journal) absl::StrAppend(&line, FormatLogTime(now, 6), " ");
    absl::StrAppend(&line, TextLogLine(level, message, fields), "\n");
  }
  // Nobody to tell if stderr is gone.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void SetLogOptions(const LogOptions& options) {
  g_level = options.level;
  g_format = options.format;
  g_to_journal = options.to_journal;
}

bool StderrIsJournal() {
  const char* stream = getenv("JOURNAL_STREAM");
  struct stat file {};
  return stream != nullptr && fstat(STDERR_FILENO, &file) == 0 && absl::StrCat(file.st_dev, ":", file.st_ino) == stream;
}

bool IsLogged(LogLevel level) {
  return level >= g_level;
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

void Log(LogLevel level, absl::string_view message, LogFields fields) {
  if (!IsLogged(level)) return;
  std::vector<LogFieldView> views;
  for (const LogField& field : fields) views.emplace_back(field.key, field.value);
  WriteLine(level, message, views);
}

void Log(LogLevel level, absl::string_view message, const OwnedLogFields& fields) {
  if (!IsLogged(level)) return;
  const std::vector<LogFieldView> views(fields.begin(), fields.end());
  WriteLine(level, message, views);
}

}  // namespace crisp
