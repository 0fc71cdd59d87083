// LogPump: moves a container's output from its pipes or its terminal to the log file and to attached clients.
//
// While the disk refuses a line, nothing more is read: the container blocks on its full pipe, as on a slow terminal,
// and no line is lost. The pump tries again every kRetryNanos, because no event tells that a disk has room again, and
// logs the begin and the end of such a time. Reading also pauses while an attached client is behind, but only for a
// bounded time (shim/tee.h), and no longer once the container has ended.
#pragma once

#include <functional>
#include <optional>

#include "os/fd.h"
#include "shim/context.h"
#include "shim/log_writer.h"
#include "shim/loop.h"
#include "shim/tee.h"

namespace crisp::shim {

class LogPump {
 public:
  static constexpr int64_t kRetryNanos = 500'000'000;

  // `tees`: for stdout and for stderr.
  LogPump(Context context, Tee (&tees)[2]) : loop_(context.loop), scratch_(context.scratch), tees_(tees) {}
  ~LogPump();
  LogPump(const LogPump&) = delete;
  LogPump& operator=(const LogPump&) = delete;

  // Opens the log. Without a log output goes to attached clients only. 0 or an errno value.
  int Open(const std::string& path, int64_t line_limit);

  // Begins to read. The ends are non-blocking; an invalid one counts as ended. `terminal`: `output` is the master of a
  // terminal. `ended` is called when both streams have ended and everything is written, but not if that is so already.
  void Run(Fd output, Fd error_output, bool terminal, std::function<void()> ended);
  bool ended() const { return !read_ends_[0].valid() && !read_ends_[1].valid(); }
  // The container has ended: reads the rest without waiting for clients, and takes a terminal that no process has open
  // for ended.
  void Drain();
  // Reads what the pipes hold now and closes them, also if other processes have them open. While the disk refuses, it
  // happens when the disk has room again.
  void Finish();
  // Opens the log's path again, after a rename. 0 or an errno value.
  int Reopen();

 private:
  void Watch(LogWriter::Stream stream, uint32_t how);
  void Unwatch(LogWriter::Stream stream);
  void WatchWhatIsRead();
  size_t Read(LogWriter::Stream stream);  // returns bytes; 0 if there was nothing, or at the end
  void AwaitTerminal();
  void EndStream(LogWriter::Stream stream);
  void TakeRest(LogWriter::Stream stream);
  void OnRefused();
  void Retry();

  Loop& loop_;
  Scratch& scratch_;
  Tee (&tees_)[2];
  std::optional<LogWriter> writer_;
  Fd read_ends_[2];
  bool watched_[2] = {};
  bool terminal_ = false;
  bool deserted_ = false;  // no process has the terminal open now
  std::function<void()> ended_;
  Loop::Timer retry_ = 0;
  bool draining_ = false;
  bool finishing_ = false;
};

}  // namespace crisp::shim
