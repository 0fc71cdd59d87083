#include "shim/log_pump.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

constexpr LogWriter::Stream kStreams[] = {LogWriter::kStdout, LogWriter::kStderr};
constexpr size_t kReadSize = 32768;
constexpr int kFinishReads = 4;  // two pipes of 64 KiB: what was in them when the container ended

}  // namespace

LogPump::~LogPump() {
  UnwatchBoth();
  loop_.Cancel(&retry_);
}

int LogPump::Open(const std::string& path, int64_t line_limit) {
  if (path.empty()) return 0;
  writer_.emplace(path, line_limit);
  if (const int error = writer_->Open(); error != 0) return error;
  for (const LogWriter::Stream stream : kStreams) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;
    read_ends_[stream].reset(ends[0]);
    write_ends_[stream].reset(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
  return 0;
}

std::string LogPump::TakeStderr() {
  if (!read_ends_[1].valid()) return {};
  const ssize_t n = read(read_ends_[1].get(), scratch_.bytes, 4096);
  return n > 0 ? std::string(scratch_.bytes, static_cast<size_t>(n)) : std::string();
}

void LogPump::Run(std::function<void()> ended) {
  ended_ = std::move(ended);
  for (Fd& end : write_ends_) end.reset();
  WatchBoth();
}

void LogPump::WatchBoth() {
  for (const LogWriter::Stream stream : kStreams) {
    if (!read_ends_[stream].valid()) continue;
    loop_.Watch(read_ends_[stream].get(), EPOLLIN, [this, stream](uint32_t) { Read(stream); });
  }
}

void LogPump::UnwatchBoth() {
  for (const Fd& end : read_ends_) loop_.Unwatch(end.get());
}

void LogPump::Read(LogWriter::Stream stream) {
  const ssize_t n = read(read_ends_[stream].get(), scratch_.bytes, kReadSize);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return EndStream(stream);
  if (!writer_->Write(stream, {scratch_.bytes, static_cast<size_t>(n)}, WallNanos())) OnRefused();
}

void LogPump::EndStream(LogWriter::Stream stream) {
  loop_.Unwatch(read_ends_[stream].get());
  read_ends_[stream].reset();
  if (!writer_->Flush(stream, WallNanos())) return OnRefused();
  if (ended() && ended_) ended_();
}

void LogPump::Finish() {
  finishing_ = true;
  if (retry_ != 0) return;
  for (const LogWriter::Stream stream : kStreams) {
    for (int i = 0; i < kFinishReads && read_ends_[stream].valid() && retry_ == 0; ++i) Read(stream);
    if (read_ends_[stream].valid() && retry_ == 0) EndStream(stream);
  }
}

int LogPump::Reopen() {
  if (!writer_.has_value()) return 0;
  const int error = writer_->Open();
  if (error == 0 && retry_ != 0) Retry();
  return error;
}

void LogPump::OnRefused() {
  if (retry_ != 0) return;
  LogFault("log: output waits until it can be written", writer_->last_error());
  UnwatchBoth();
  retry_ = loop_.After(kRetryNanos, [this] { Retry(); });
}

void LogPump::Retry() {
  loop_.Cancel(&retry_);
  if (!writer_->Retry()) {
    retry_ = loop_.After(kRetryNanos, [this] { Retry(); });
    return;
  }
  LogFault("log: output can be written again");
  if (ended() && ended_) return ended_();
  WatchBoth();
  if (finishing_) Finish();
}

}  // namespace crisp::shim
