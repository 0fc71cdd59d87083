#include "base/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/write_fully.h"

namespace crisp {

// One atomic for each option: a line that is written while they change may have some of the old ones.
std::atomic<LogLevel> internal::written_level{LogOptions().level};
std::atomic<LogLevel> internal::wanted_level{LogOptions().level};

namespace {

std::atomic<LogFormat> g_format{LogOptions().format};
std::atomic<bool> g_to_journal{LogOptions().to_journal};

Mutex g_observing;
std::shared_ptr<LogObserver> g_observer ABSL_GUARDED_BY(g_observing);

std::shared_ptr<LogObserver> Observer() {
  const MutexLock lock(g_observing);
  return g_observer;
}

void SetWantedLevel() ABSL_EXCLUSIVE_LOCKS_REQUIRED(g_observing) {
  internal::wanted_level = g_observer != nullptr ? LogLevel::kDebug : internal::written_level.load();
}

// A write to a pipe is atomic only up to PIPE_BUF, 4096 bytes (pipe(7)).
Mutex g_writing;

// What is left when stderr does not take it is dropped: there is nobody to tell.
void WriteToStderr(absl::string_view text) {
  const MutexLock lock(g_writing);
  (void)WriteFully(STDERR_FILENO, text);
}

void Write(const timespec& now, LogLevel level, absl::string_view message, absl::Span<const LogField> fields) {
  const bool to_journal = g_to_journal;
  std::string line(to_journal ? JournalPriority(level) : "");
  if (g_format == LogFormat::kJson) {
    absl::StrAppend(&line, JsonLogLine(now, level, message, fields), "\n");
  } else {
    if (!to_journal) absl::StrAppend(&line, FormatLogTime(now, 6), " ");
    absl::StrAppend(&line, TextLogLine(level, message, fields), "\n");
  }
  WriteToStderr(line);
}

}  // namespace

void internal::WriteLog(LogLevel level, absl::string_view message, absl::Span<const LogField> fields) {
  const int error = errno;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (IsWritten(level)) Write(now, level, message, fields);
  if (const auto observer = Observer()) observer->OnLine(now, level, message, fields);
  errno = error;  // callers log between a system call and the look at its error
}

std::vector<LogField> ViewOf(const OwnedLogFields& owned) {
  std::vector<LogField> fields;
  fields.reserve(owned.size());
  for (const auto& [name, value] : owned) fields.emplace_back(name, value);
  return fields;
}

std::vector<LogField> Joined(const OwnedLogFields& owned, absl::Span<const LogField> more) {
  std::vector<LogField> fields = ViewOf(owned);
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

void SetLogOptions(const LogOptions& options) {
  internal::written_level = options.level;
  g_format = options.format;
  g_to_journal = options.to_journal;
  const MutexLock lock(g_observing);
  SetWantedLevel();
}

// The one before may end here, and must not do so with the lock held.
void SetLogObserver(std::shared_ptr<LogObserver> observer) {
  const MutexLock lock(g_observing);
  g_observer.swap(observer);
  SetWantedLevel();
}

bool StderrIsJournal() {
  const char* stream = getenv("JOURNAL_STREAM");
  struct stat file {};
  return stream != nullptr && fstat(STDERR_FILENO, &file) == 0 && absl::StrCat(file.st_dev, ":", file.st_ino) == stream;
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

}  // namespace crisp
