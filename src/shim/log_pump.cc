#include "shim/log_pump.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

constexpr LogWriter::Stream kStreams[] = {LogWriter::kStdout, LogWriter::kStderr};
constexpr size_t kReadSize = 32768;
constexpr int kTerminalSize = 65536;  // bytes; more than the kernel buffers for a terminal (drivers/tty/pty.c)

}  // namespace

LogPump::~LogPump() {
  for (const LogWriter::Stream stream : kStreams) Unwatch(stream);
  loop_.Cancel(&retry_);
  loop_.Cancel(&wait_);
}

int LogPump::Open(const std::string& path, int64_t line_limit, int64_t wait_nanos) {
  writer_.emplace(path, line_limit);
  wait_nanos_ = wait_nanos;
  written_since_ = MonoNanos() - wait_nanos;
  return writer_->Open();
}

void LogPump::Run(Fd output, Fd error_output, bool terminal, std::function<void()> ended) {
  read_ends_[0] = std::move(output);
  read_ends_[1] = std::move(error_output);
  terminal_ = terminal;
  ended_ = std::move(ended);
  for (const LogWriter::Stream stream : kStreams) {
    tees_[stream].OnCaughtUp([this] { WatchWhatIsRead(); });
    if (!read_ends_[stream].valid()) tees_[stream].End();
  }
  WatchWhatIsRead();
}

LogPumpState LogPump::Save() const {
  LogPumpState state;
  state.logged = writer_.has_value();
  if (writer_.has_value()) state.writer = writer_->Save();
  for (const LogWriter::Stream stream : kStreams) {
    state.read_ends[stream] = read_ends_[stream].get();
    state.gap_bytes[stream] = gaps_[stream].bytes();
    state.gap_newlines[stream] = gaps_[stream].newlines();
  }
  state.terminal = terminal_;
  state.wait_nanos = wait_nanos_;
  state.written_since = written_since_;
  state.retry_due = loop_.DueAt(retry_);
  state.wait_due = loop_.DueAt(wait_);
  state.dropping = dropping_;
  state.noted_bytes = noted_.bytes;
  state.noted_lines = noted_.lines;
  state.told_at = told_at_;
  state.draining = draining_;
  state.finishing = finishing_;
  state.end_told = ended_ == nullptr;
  return state;
}

void LogPump::Restore(const LogPumpState& state, const std::string& path, int64_t line_limit,
                      std::function<void()> ended) {
  if (state.logged != 0) writer_.emplace(path, line_limit).Restore(state.writer);
  for (const LogWriter::Stream stream : kStreams) {
    read_ends_[stream].reset(state.read_ends[stream]);
    gaps_[stream] = LogGap(state.gap_bytes[stream], state.gap_newlines[stream]);
    tees_[stream].OnCaughtUp([this] { WatchWhatIsRead(); });
  }
  terminal_ = state.terminal != 0;
  wait_nanos_ = state.wait_nanos;
  written_since_ = state.written_since;
  if (state.retry_due != 0) RetryAt(state.retry_due);
  if (state.wait_due != 0) DropAt(state.wait_due);
  dropping_ = state.dropping != 0;
  noted_.bytes = state.noted_bytes;
  noted_.lines = state.noted_lines;
  told_at_ = state.told_at;
  draining_ = state.draining != 0;
  finishing_ = state.finishing != 0;
  if (state.end_told == 0) ended_ = std::move(ended);
  WatchWhatIsRead();
}

void LogPump::Watch(LogWriter::Stream stream, uint32_t how) {
  watched_[stream] = true;
  loop_.Watch(read_ends_[stream].get(), EPOLLIN | how, [this, stream](uint32_t) { Read(stream); });
}

void LogPump::Unwatch(LogWriter::Stream stream) {
  watched_[stream] = false;
  loop_.Unwatch(read_ends_[stream].get());
  deserted_ = false;
}

void LogPump::WatchWhatIsRead() {
  for (const LogWriter::Stream stream : kStreams) {
    const bool wanted = read_ends_[stream].valid() && !waiting() && (draining_ || !tees_[stream].behind());
    if (wanted && !watched_[stream]) Watch(stream, 0);
    if (!wanted && watched_[stream]) Unwatch(stream);
  }
}

size_t LogPump::Read(LogWriter::Stream stream) {
  const ssize_t n = read(read_ends_[stream].get(), scratch_.bytes, kReadSize);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (n <= 0) {
    terminal_ && !draining_ ? AwaitTerminal() : EndStream(stream);
    return 0;
  }
  const std::string_view data(scratch_.bytes, static_cast<size_t>(n));
  const bool written = Log(stream, data);
  tees_[stream].Write(data);
  if (deserted_) Unwatch(stream);  // a process has opened it again: watch it as in the beginning
  if (!written) OnRefused();
  WatchWhatIsRead();
  return data.size();
}

// While the container lives, a process may open the terminal again, for example through /dev/console. Level-triggered
// epoll would report the hang-up without end; edge-triggered it reports what comes next.
void LogPump::AwaitTerminal() {
  if (deserted_) return;
  Unwatch(LogWriter::kStdout);
  deserted_ = true;
  Watch(LogWriter::kStdout, EPOLLET);
}

void LogPump::EndStream(LogWriter::Stream stream) {
  Unwatch(stream);
  read_ends_[stream].reset();
  tees_[stream].End();
  if (dropping_) {
    writer_->LoseTail(stream, &gaps_[stream]);
  } else if (writer_.has_value() && !writer_->Flush(stream, WallNanos())) {
    OnRefused();
  }
  TellEnd();
}

void LogPump::TellEnd() {
  if (!ended() || waiting()) return;
  if (const auto tell = std::exchange(ended_, nullptr)) tell();
}

void LogPump::Drain() {
  draining_ = true;
  if (deserted_) Unwatch(LogWriter::kStdout);
  WatchWhatIsRead();
}

void LogPump::Finish() {
  draining_ = true;
  finishing_ = true;
  for (const LogWriter::Stream stream : kStreams) {
    TakeRest(stream);
    if (read_ends_[stream].valid() && !waiting()) EndStream(stream);
  }
}

// Everything that the container wrote is in the pipe now, which it may have enlarged (F_SETPIPE_SZ). Reads no more than
// the pipe can hold: another process may write as fast as we read.
void LogPump::TakeRest(LogWriter::Stream stream) {
  if (!read_ends_[stream].valid()) return;
  const int capacity = terminal_ ? kTerminalSize : fcntl(read_ends_[stream].get(), F_GETPIPE_SZ);
  for (size_t left = static_cast<size_t>(std::max(capacity, 0)), n; left > 0 && !waiting(); left -= std::min(left, n)) {
    if (n = Read(stream); n == 0) return;
  }
}

int LogPump::Reopen() {
  if (!writer_.has_value()) return 0;
  const int error = writer_->Open();
  if (error == 0 && retry_ != 0) Retry();
  return error;
}

LogLoss LogPump::loss() const {
  LogLoss loss = noted_;
  for (const LogGap& gap : gaps_) {
    loss.bytes += gap.bytes();
    loss.lines += gap.lines();
  }
  loss.dropping = dropping_;
  loss.error = dropping_ ? writer_->last_error() : 0;
  return loss;
}

// True unless lines wait for the log.
bool LogPump::Log(LogWriter::Stream stream, std::string_view data) {
  if (!writer_.has_value()) return true;
  if (!dropping_) return writer_->Write(stream, data, WallNanos());
  writer_->Lose(stream, data, &gaps_[stream]);
  return true;
}

void LogPump::OnRefused() {
  if (retry_ != 0) return;
  LogFault("log " + writer_->path() + " cannot be written; the output waits", writer_->last_error());
  const int64_t now = MonoNanos();
  RetryAt(now + kRetryNanos);
  DropAt(now + std::min(wait_nanos_, now - written_since_));
  WatchWhatIsRead();
}

void LogPump::RetryAt(int64_t due) {
  retry_ = loop_.At(due, [this] { Retry(); });
}

void LogPump::DropAt(int64_t due) {
  wait_ = loop_.At(due, [this] { BeginDropping(); });
}

void LogPump::BeginDropping() {
  LogFault("log " + writer_->path() + " cannot be written; output is lost", writer_->last_error());
  wait_ = 0;
  dropping_ = true;
  Tell();
  GoOn();
}

void LogPump::Retry() {
  loop_.Cancel(&retry_);
  if (writer_->Retry() && WriteNotes()) return OnWritten();
  RetryAt(MonoNanos() + kRetryNanos);
  if (dropping_ && MonoNanos() - told_at_ >= kTellNanos) Tell();
}

// False if one of them is refused; it waits as other lines do.
bool LogPump::WriteNotes() {
  for (const LogWriter::Stream stream : kStreams) {
    if (gaps_[stream].empty()) continue;
    const LogGap gap = std::exchange(gaps_[stream], LogGap());
    noted_.bytes += gap.bytes();
    noted_.lines += gap.lines();
    const std::string note =
        gap.Note(stream == LogWriter::kStdout ? "stdout" : "stderr", ErrorText(writer_->last_error()));
    if (!writer_->WriteNote(stream, note, WallNanos())) return false;
  }
  return true;
}

void LogPump::OnWritten() {
  LogFault("log " + writer_->path() + " can be written again");
  loop_.Cancel(&wait_);
  written_since_ = MonoNanos();
  if (std::exchange(dropping_, false)) Tell();
  GoOn();
}

void LogPump::Tell() {
  told_at_ = MonoNanos();
  told_(loss());
}

// After a wait for the log.
void LogPump::GoOn() {
  WatchWhatIsRead();
  if (finishing_) Finish();
  TellEnd();
}

}  // namespace crisp::shim
