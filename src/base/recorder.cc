#include "base/recorder.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/write_fully.h"

namespace crisp {
namespace {

constexpr size_t kLongestText = 400;  // of a line that is cut

absl::Status Failed(absl::string_view what, absl::string_view path, int error) {
  return absl::InternalError(absl::StrCat(what, " ", path, ": ", strerror(error)));
}

bool IsInMemory(int fd) {
  struct statfs system {};
  return fstatfs(fd, &system) == 0 && (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC);
}

// `fields` with their texts cut.
std::vector<LogField> Cut(absl::Span<const LogField> fields) {
  std::vector<LogField> cut;
  for (const LogField& field : fields) {
    const auto* const text = std::get_if<absl::string_view>(&field.value());
    cut.push_back(text == nullptr ? field : LogField(field.name(), text->substr(0, kLongestText)));
  }
  cut.emplace_back("cut", true);
  return cut;
}

size_t TextSize(absl::string_view message, absl::Span<const LogField> fields) {
  size_t size = message.size();
  for (const LogField& field : fields) {
    if (const auto* const text = std::get_if<absl::string_view>(&field.value())) size += text->size();
  }
  return size;
}

std::string LineOf(const timespec& time, LogLevel level, absl::string_view message, absl::Span<const LogField> fields) {
  if (TextSize(message, fields) < Recorder::kLongestLine) {
    std::string line = JsonLogLine(time, level, message, fields);
    if (line.size() <= Recorder::kLongestLine) return line;
  }
  message = message.substr(0, kLongestText);
  std::string line = JsonLogLine(time, level, message, Cut(fields));
  if (line.size() <= Recorder::kLongestLine) return line;
  return JsonLogLine(time, level, message, {LogField("cut", true)});
}

// Async-signal-safe. What was never written is NUL, and is left out.
void Copy(int from, size_t begin, size_t end, int to) {
  std::array<char, 4096> block;  // NOLINT: filled by pread
  while (begin < end) {
    const ssize_t read = pread(from, block.data(), std::min(block.size(), end - begin), static_cast<off_t>(begin));
    if (read <= 0) return;
    char* const behind = std::remove(block.data(), block.data() + read, '\0');
    if (!WriteFully(to, {block.data(), static_cast<size_t>(behind - block.data())})) return;
    begin += static_cast<size_t>(read);
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<Recorder>> Recorder::InFile(const std::string& path, size_t size) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Failed("open", path, errno);
  std::shared_ptr<Recorder> recorder(new Recorder(fd, size));  // closes it
  absl::Status usable;
  if (!IsInMemory(fd)) {
    usable = absl::FailedPreconditionError(absl::StrCat(path, " is not on a tmpfs"));
  } else if (const int error = posix_fallocate(fd, 0, static_cast<off_t>(size)); error != 0) {
    usable = Failed("reserve space for", path, error);
  }
  if (usable.ok()) return recorder;
  unlink(path.c_str());
  return usable;
}

absl::StatusOr<std::shared_ptr<Recorder>> Recorder::InMemory(size_t size) {
  const int fd = memfd_create("recorder", MFD_CLOEXEC);
  if (fd < 0) return Failed("make", "a memfd for the recorder", errno);
  return std::shared_ptr<Recorder>(new Recorder(fd, size));
}

Recorder::~Recorder() {
  close(fd_);
}

void Recorder::OnLine(const timespec& time, LogLevel level, absl::string_view message,
                      absl::Span<const LogField> fields) {
  const std::string line = LineOf(time, level, message, fields);
  const MutexLock lock(mutex_);
  Append(line);
}

// One write for the line and for the spaces that cover what is left of the last line that it overwrites. Each piece
// ends with a newline, so that the file has whole lines only.
void Recorder::Append(absl::string_view line) {
  const size_t length = line.size() + 1;
  if (head_ + length > size_) {
    const size_t rest = MakeRoom(size_ - head_) - head_;
    buffer_.assign(rest, ' ');
    if (rest > 0) buffer_.back() = '\n';
    (void)!pwrite(fd_, buffer_.data(), buffer_.size(), static_cast<off_t>(head_));
    head_ = 0;
    full_ = true;
  }
  const size_t next = MakeRoom(length);
  buffer_.assign(line.data(), line.size());
  buffer_.push_back('\n');
  begins_.push_back(head_);
  if (next > head_ + length) {
    buffer_.append(next - head_ - length - 1, ' ');
    buffer_.push_back('\n');
  }
  // Its space is reserved. Of a file that somebody has truncated and that does not grow again the line is lost.
  (void)!pwrite(fd_, buffer_.data(), buffer_.size(), static_cast<off_t>(head_));
  head_ += length;
}

size_t Recorder::MakeRoom(size_t length) {
  const size_t end = head_ + length;
  while (!begins_.empty() && begins_.front() >= head_ && begins_.front() < end) begins_.pop_front();
  if (!begins_.empty() && begins_.front() >= head_) return begins_.front();
  return full_ ? size_ : end;
}

std::vector<std::string> Recorder::Lines(absl::FunctionRef<bool(absl::string_view)> wanted) const {
  std::string ring(size_, '\0');
  size_t head = 0;
  {
    const MutexLock lock(mutex_);
    const ssize_t read = pread(fd_, ring.data(), ring.size(), 0);
    ring.resize(read < 0 ? 0 : static_cast<size_t>(read));
    head = std::min<size_t>(head_, ring.size());
  }
  const absl::string_view all = ring;
  std::vector<std::string> lines;
  for (const absl::string_view part : {all.substr(head), all.substr(0, head)}) {
    for (absl::string_view line : absl::StrSplit(part, '\n')) {
      line.remove_prefix(std::min(line.find('{'), line.size()));  // what was never written
      if (!line.empty() && wanted(line)) lines.emplace_back(line);
    }
  }
  return lines;
}

void Recorder::DumpTo(int fd) const {
  const size_t head = head_;
  Copy(fd_, head, size_, fd);
  Copy(fd_, 0, head, fd);
}

}  // namespace crisp
