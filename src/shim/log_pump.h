// LogPump: moves a container's output from its pipes or its terminal to the log file and to attached clients.
//
// While the file system refuses a line, nothing more is read: the container blocks on its full pipe, as on a slow
// terminal, and no line is lost. After a bounded wait the pump reads on. What it reads then goes to attached clients,
// and is missing in the log: it is counted, and a line in its place says how much it was. The pump tries to write every
// kRetryNanos, because no event tells that a file system has room again. The wait is no longer than the log could be
// written before, so that a file system that is full again and again does not stop the container most of the time.
//
// Reading also pauses while an attached client is behind, but only for a bounded time (shim/tee.h), and no longer once
// the container has ended.
#pragma once

#include <functional>
#include <optional>

#include "os/fd.h"
#include "shim/context.h"
#include "shim/log_gap.h"
#include "shim/log_writer.h"
#include "shim/loop.h"
#include "shim/state.h"
#include "shim/tee.h"

namespace crisp::shim {

// What a container's log lacks.
struct LogLoss {
  bool dropping = false;  // output is being lost now
  uint64_t bytes = 0;     // since the container's start
  uint64_t lines = 0;
  int error = 0;  // why, as an errno value
};

class LogPump {
 public:
  static constexpr int64_t kRetryNanos = 500'000'000;
  static constexpr int64_t kTellNanos = 10'000'000'000;  // between two reports of a loss that goes on

  using Told = std::function<void(const LogLoss&)>;

  // `tees`: for stdout and for stderr. Calls `told` when output begins to be lost, from time to time while it is, and
  // when the log can be written again.
  LogPump(Context context, Tee (&tees)[2], Told told)
      : loop_(context.loop), scratch_(context.scratch), tees_(tees), told_(std::move(told)) {}
  ~LogPump();
  LogPump(const LogPump&) = delete;
  LogPump& operator=(const LogPump&) = delete;

  // Opens the log. Without a log output goes to attached clients only. The container waits for at most `wait_nanos` for
  // a log that cannot be written. 0 or an errno value.
  int Open(const std::string& path, int64_t line_limit, int64_t wait_nanos);

  // Begins to read. The ends are non-blocking; an invalid one counts as ended. `terminal`: `output` is the master of a
  // terminal. `ended` is called when both streams have ended and everything is written or lost, but not if that is so
  // already.
  void Run(Fd output, Fd error_output, bool terminal, std::function<void()> ended);
  // For an upgrade: in place of Open and Run. `path` and `line_limit` as for Open.
  LogPumpState Save() const;
  void Restore(const LogPumpState& state, const std::string& path, int64_t line_limit, std::function<void()> ended);
  bool ended() const { return !read_ends_[0].valid() && !read_ends_[1].valid(); }
  // The container has ended: reads the rest without waiting for clients, and takes a terminal that no process has open
  // for ended.
  void Drain();
  // Reads what the pipes hold now and closes them, also if other processes have them open. While the pump waits for the
  // log, it happens after the wait.
  void Finish();
  // Opens the log's path again, after a rename. 0 or an errno value.
  int Reopen();
  LogLoss loss() const;

 private:
  void Watch(LogWriter::Stream stream, uint32_t how);
  void Unwatch(LogWriter::Stream stream);
  void WatchWhatIsRead();
  size_t Read(LogWriter::Stream stream);  // returns bytes; 0 if there was nothing, or at the end
  void AwaitTerminal();
  void EndStream(LogWriter::Stream stream);
  void TellEnd();
  void TakeRest(LogWriter::Stream stream);

  // While the log refuses lines, the pump first waits and then drops.
  bool waiting() const { return retry_ != 0 && !dropping_; }
  bool Log(LogWriter::Stream stream, std::string_view data);
  void OnRefused();
  void RetryAt(int64_t due);
  void DropAt(int64_t due);
  void BeginDropping();
  void Retry();
  bool WriteNotes();
  void OnWritten();
  void Tell();
  void GoOn();

  Loop& loop_;
  Scratch& scratch_;
  Tee (&tees_)[2];
  std::optional<LogWriter> writer_;
  Fd read_ends_[2];
  bool watched_[2] = {};
  bool terminal_ = false;
  bool deserted_ = false;  // no process has the terminal open now
  std::function<void()> ended_;
  const Told told_;
  int64_t wait_nanos_ = 0;
  int64_t written_since_ = 0;  // in monotonic nanoseconds
  Loop::Timer retry_ = 0;      // while the log refuses lines
  Loop::Timer wait_ = 0;       // for the log, until output is dropped
  bool dropping_ = false;
  LogGap gaps_[2];  // that no line in the log stands for yet
  LogLoss noted_;   // what lines in the log stand for
  int64_t told_at_ = 0;
  bool draining_ = false;
  bool finishing_ = false;
};

}  // namespace crisp::shim
