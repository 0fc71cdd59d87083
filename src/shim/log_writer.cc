#include "shim/log_writer.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

constexpr size_t kHeadLength = kTimeLength + 10;  // " stdout F "
constexpr size_t kTagAt = kHeadLength - 2;
constexpr int kBatchLines = 32;
constexpr size_t kKeptCarry = 1024;  // a larger buffer is freed once its line has been written

size_t EffectiveLimit(int64_t asked) {
  if (asked <= 0) return LogWriter::kMaxLimit;
  return std::min(static_cast<size_t>(asked), LogWriter::kMaxLimit);
}

iovec Part(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

// The file can be written again once there is room. After other errors the descriptor may be lost for good.
bool IsLackOfSpace(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG || error == EINTR;
}

// Makes the directories above `path` that are missing. Errors show when the file is opened.
void MakeParents(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    mkdir(path.substr(0, slash).c_str(), 0755);
  }
}

}  // namespace

// Lines that are written together. They point into the caller's buffer and the carry: nothing is copied.
struct LogWriter::Batch {
  Batch(Stream stream, int64_t wall_nanos) {
    char time[kTimeLength];
    FormatTime(wall_nanos, time);
    memcpy(head, time, kTimeLength);
    memcpy(head + kTimeLength, stream == kStdout ? " stdout F " : " stderr F ", kHeadLength - kTimeLength);
    memcpy(partial_head, head, kHeadLength);
    partial_head[kTagAt] = 'P';
  }

  char head[kHeadLength];
  char partial_head[kHeadLength];
  iovec parts[kBatchLines * 4];
  size_t ends[kBatchLines];
  int lines = 0;
  size_t bytes = 0;
};

LogWriter::LogWriter(std::string path, int64_t line_limit)
    : path_(std::move(path)), limit_(EffectiveLimit(line_limit)) {}

int LogWriter::Open() {
  const int error = OpenFile(O_CREAT);
  if (error != ENOENT) return error;
  MakeParents(path_);
  return OpenFile(O_CREAT);
}

int LogWriter::OpenFile(int flags) {
  // A container that may write to the log directory may have put something else there. A FIFO must not block the shim
  // (O_NONBLOCK), and a symbolic link must not lead it to another file.
  constexpr int kFlags = O_RDWR | O_APPEND | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC;
  Fd file(open(path_.c_str(), kFlags | flags, 0640));
  if (!file.valid()) return errno;
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return errno;
  if (!S_ISREG(info.st_mode)) return EINVAL;
  file_ = std::move(file);
  inode_ = info.st_ino;
  return 0;
}

LogWriterState LogWriter::Save() const {
  LogWriterState state{file_.get(), inode_, {carry_[0], carry_[1]}, pending_, {}, static_cast<uint32_t>(last_error_)};
  size_t begin = 0;
  for (const size_t end : pending_ends_) {
    state.pending_lines.push_back({static_cast<uint32_t>(end - begin)});
    begin = end;
  }
  return state;
}

void LogWriter::Restore(const LogWriterState& state) {
  file_.reset(state.file);
  inode_ = state.inode;
  for (int stream = 0; stream < 2; ++stream) carry_[stream] = state.carry[stream];
  pending_ = state.pending;
  size_t end = 0;
  for (const LineState& line : state.pending_lines) pending_ends_.push_back(end += line.length);
  last_error_ = static_cast<int>(state.last_error);
}

bool LogWriter::Write(Stream stream, std::string_view data, int64_t wall_nanos) {
  Batch batch(stream, wall_nanos);
  std::string_view before = carry_[stream];
  while (!data.empty()) {
    const size_t newline = data.find('\n');
    const size_t length = std::min(newline, data.size());
    if (before.size() + length > limit_) {
      const size_t taken = limit_ - before.size();
      AddLine(&batch, 'P', before, data.substr(0, taken));
      data.remove_prefix(taken);
    } else if (newline != std::string_view::npos) {
      AddLine(&batch, 'F', before, data.substr(0, length));
      data.remove_prefix(length + 1);
    } else {
      break;
    }
    before = {};
  }
  Send(&batch);

  std::string& carry = carry_[stream];
  if (before.empty()) carry.clear();
  if (carry.empty() && carry.capacity() > kKeptCarry) std::string().swap(carry);
  carry.append(data);
  return !blocked();
}

bool LogWriter::Flush(Stream stream, int64_t wall_nanos) {
  if (!carry_[stream].empty()) {
    Batch batch(stream, wall_nanos);
    AddLine(&batch, 'P', carry_[stream], {});
    Send(&batch);
    std::string().swap(carry_[stream]);
  }
  return !blocked();
}

void LogWriter::Lose(Stream stream, std::string_view data, LogGap* gap) {
  const size_t newline = data.rfind('\n');
  if (newline != std::string_view::npos) {
    LoseTail(stream, gap);
    gap->Add(data.substr(0, newline + 1));
    data.remove_prefix(newline + 1);
  }
  carry_[stream].append(data);
  if (carry_[stream].size() > limit_) LoseTail(stream, gap);
}

void LogWriter::LoseTail(Stream stream, LogGap* gap) {
  gap->Add(carry_[stream]);
  std::string().swap(carry_[stream]);
}

bool LogWriter::WriteNote(Stream stream, std::string_view text, int64_t wall_nanos) {
  Batch batch(stream, wall_nanos);
  AddLine(&batch, 'F', text, {});
  Send(&batch);
  return !blocked();
}

void LogWriter::AddLine(Batch* batch, char tag, std::string_view first, std::string_view second) {
  if (batch->lines == kBatchLines) Send(batch);
  iovec* parts = batch->parts + batch->lines * 4;
  parts[0] = Part({tag == 'P' ? batch->partial_head : batch->head, kHeadLength});
  parts[1] = Part(first);
  parts[2] = Part(second);
  parts[3] = Part("\n");
  batch->bytes += kHeadLength + first.size() + second.size() + 1;
  batch->ends[batch->lines++] = batch->bytes;
}

void LogWriter::Send(Batch* batch) {
  if (batch->lines == 0) return;
  size_t written = 0;
  if (!blocked()) {
    const ssize_t n = writev(file_.get(), batch->parts, batch->lines * 4);
    written = n < 0 ? 0 : static_cast<size_t>(n);
    if (written != batch->bytes) last_error_ = n < 0 ? errno : ENOSPC;
  }
  if (written != batch->bytes) {
    int line = 0;
    while (batch->ends[line] <= written) ++line;
    const size_t whole = line == 0 ? 0 : batch->ends[line - 1];
    CutTornLine(written - whole);
    const bool was_blocked = blocked();
    for (; line < batch->lines; ++line) {
      for (int part = line * 4; part < line * 4 + 4; ++part) {
        pending_.append(static_cast<const char*>(batch->parts[part].iov_base), batch->parts[part].iov_len);
      }
      pending_ends_.push_back(pending_.size());
    }
    if (!was_blocked) Retry();
  }
  batch->lines = 0;
  batch->bytes = 0;
}

bool LogWriter::Retry() {
  if (blocked() && !IsLackOfSpace(last_error_) && !OpenAgain()) return false;
  size_t written = 0;
  while (written < pending_.size()) {
    const ssize_t n = write(file_.get(), pending_.data() + written, pending_.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      last_error_ = n < 0 ? errno : ENOSPC;
      break;
    }
    written += static_cast<size_t>(n);
  }
  const auto line = std::upper_bound(pending_ends_.begin(), pending_ends_.end(), written);
  const size_t whole = line == pending_ends_.begin() ? 0 : *(line - 1);
  CutTornLine(written - whole);
  pending_.erase(0, whole);
  pending_ends_.erase(pending_ends_.begin(), line);
  for (size_t& end : pending_ends_) end -= whole;
  if (blocked()) return false;
  std::string().swap(pending_);
  return true;
}

// Not with O_CREAT: before the log's file system is mounted again, its mount point is an ordinary directory.
bool LogWriter::OpenAgain() {
  file_.reset();
  const ino_t before = inode_;
  if (const int error = OpenFile(0); error != 0) {
    if (error != ENOENT) last_error_ = error;
    return false;
  }
  if (inode_ == before) CutToLastNewline();
  return true;
}

// A line that was torn when the file system failed could not be cut off then.
void LogWriter::CutToLastNewline() {
  struct stat info {};
  if (fstat(file_.get(), &info) != 0) return;
  off_t end = info.st_size;
  char tail[4096];
  while (end > 0) {
    const size_t size = static_cast<size_t>(std::min<off_t>(end, sizeof(tail)));
    if (pread(file_.get(), tail, size, end - static_cast<off_t>(size)) != static_cast<ssize_t>(size)) return;
    const size_t newline = std::string_view(tail, size).rfind('\n');
    if (newline != std::string_view::npos) {
      end -= static_cast<off_t>(size - newline - 1);
      break;
    }
    end -= static_cast<off_t>(size);
  }
  if (end < info.st_size && ftruncate(file_.get(), end) != 0) LogFault("cut a torn line off " + path_, errno);
}

void LogWriter::CutTornLine(size_t torn) {
  struct stat info {};
  if (torn == 0 || fstat(file_.get(), &info) != 0) return;
  if (ftruncate(file_.get(), info.st_size - static_cast<off_t>(torn)) != 0) {
    LogFault("cut a torn line off " + path_, errno);
  }
}

}  // namespace crisp::shim
