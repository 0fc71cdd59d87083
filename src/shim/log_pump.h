// LogPump: a container's stdout and stderr, from the pipes to the log file.
//
// While the disk refuses a line, nothing more is read: the container blocks on its full pipe, as on a slow terminal,
// and no line is lost. The shim tries again every kRetryNanos (no event tells that a disk has room again) and says so
// in its log, once when it begins and once when it ends.
#pragma once

#include <functional>
#include <optional>

#include "os/fd.h"
#include "shim/context.h"
#include "shim/log_writer.h"
#include "shim/loop.h"

namespace crisp::shim {

class LogPump {
 public:
  static constexpr int64_t kRetryNanos = 500'000'000;

  LogPump(Loop& loop, Scratch& scratch) : loop_(loop), scratch_(scratch) {}
  ~LogPump();
  LogPump(const LogPump&) = delete;
  LogPump& operator=(const LogPump&) = delete;

  // Opens the log and makes the pipes; `path` empty: none of both, output goes to /dev/null. 0 or an errno value.
  int Open(const std::string& path, int64_t line_limit);
  // The container's ends; -1 if there is no log.
  int stdout_end() const { return write_ends_[0].get(); }
  int stderr_end() const { return write_ends_[1].get(); }
  // What is in the stderr pipe and was not meant for the log: the words of a runtime that failed.
  std::string TakeStderr();

  // Closes the container's ends, and reads from now on. `ended`: both streams are at their end and all is written.
  void Run(std::function<void()> ended);
  bool ended() const { return !read_ends_[0].valid() && !read_ends_[1].valid(); }
  // Writes what has come and leaves the pipes to whoever still holds them. While the disk refuses, that waits for it.
  void Finish();
  int Reopen();

 private:
  void WatchBoth();
  void UnwatchBoth();
  void Read(LogWriter::Stream stream);
  void EndStream(LogWriter::Stream stream);
  void OnRefused();
  void Retry();

  Loop& loop_;
  Scratch& scratch_;
  std::optional<LogWriter> writer_;
  Fd read_ends_[2];
  Fd write_ends_[2];
  std::function<void()> ended_;
  Loop::Timer retry_ = 0;
  bool finishing_ = false;
};

}  // namespace crisp::shim
