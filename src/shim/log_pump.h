// LogPump: a container's output, from its pipes or its terminal to the log file and to those who are attached.
//
// While the disk refuses a line, nothing more is read: the container blocks on its full pipe, as on a slow terminal,
// and no line is lost. The shim tries again every kRetryNanos (no event tells that a disk has room again) and says so
// in its log, once when it begins and once when it ends. While a client that is attached is behind, nothing more is
// read either, but for a bounded time only (shim/tee.h), and not once the container has ended.
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

  // `tees`: of stdout and of stderr.
  LogPump(Context context, Tee (&tees)[2]) : loop_(context.loop), scratch_(context.scratch), tees_(tees) {}
  ~LogPump();
  LogPump(const LogPump&) = delete;
  LogPump& operator=(const LogPump&) = delete;

  // Opens the log; without it output goes to those who are attached only. 0 or an errno value.
  int Open(const std::string& path, int64_t line_limit);

  // Reads from now on; the ends are non-blocking, and one that is invalid has ended. `terminal`: the first is the
  // master of one. `ended`: both streams are at their end and all is written; not called if they are by now.
  void Run(Fd output, Fd error_output, bool terminal, std::function<void()> ended);
  bool ended() const { return !read_ends_[0].valid() && !read_ends_[1].valid(); }
  // The container has ended: what is left is read whoever is behind, and a terminal that nobody has open is at its end.
  void Drain();
  // Writes what has come and leaves the pipes to whoever still holds them. While the disk refuses, that waits for it.
  void Finish();
  int Reopen();

 private:
  void Watch(LogWriter::Stream stream, uint32_t how);
  void Unwatch(LogWriter::Stream stream);
  void WatchWhatIsRead();
  size_t Read(LogWriter::Stream stream);  // bytes; 0 if there was nothing, or it has ended
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
  bool deserted_ = false;  // nobody has the terminal open now
  std::function<void()> ended_;
  Loop::Timer retry_ = 0;
  bool draining_ = false;
  bool finishing_ = false;
};

}  // namespace crisp::shim
