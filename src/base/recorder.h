// Recorder: the newest log lines of this process, at every level, in a ring of a fixed size. It shows what happened to
// a pod although nobody had switched debugging on.
//
// The ring is a file with a JSON object on each line, as base/log_format.h has them. Behind the newest line stands what
// is left of the oldest, so sort(1) brings a copy of the file into order. Lines are written with pwrite(2): what was
// recorded survives the death of the process, and a file that somebody truncates is no SIGBUS. The file must be on a
// file system in memory (tmpfs, as /run), since every thread that logs waits for the write. Elsewhere the ring is a
// memfd, which ends with the process.
//
// Thread-safe. A line costs about two microseconds.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/log.h"
#include "base/mutex.h"

namespace crisp {

class Recorder final : public LogObserver {
 public:
  // About 12000 lines.
  static constexpr size_t kSize = 4 << 20;
  // A longer line is recorded with its texts cut, and with "cut":true.
  static constexpr size_t kLongestLine = 4096;

  // In the file `path`, whose old content is lost and whose space is reserved. An error names it: FailedPrecondition
  // where it would not be in memory, Internal for what the kernel refuses. `size` is at least 4 * kLongestLine.
  static absl::StatusOr<std::shared_ptr<Recorder>> InFile(const std::string& path, size_t size = kSize);
  static absl::StatusOr<std::shared_ptr<Recorder>> InMemory(size_t size = kSize);
  ~Recorder() override;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void OnLine(const timespec& time, LogLevel level, absl::string_view message,
              absl::Span<const LogField> fields) override;

  // The lines for which `wanted` is true, oldest first. `wanted` must not log.
  std::vector<std::string> Lines(absl::FunctionRef<bool(absl::string_view)> wanted) const;

  // Writes all lines to `fd`, oldest first. Async-signal-safe: it takes no lock, and a line that is being recorded on
  // another thread may come out torn.
  void DumpTo(int fd) const;

 private:
  Recorder(int fd, size_t size) : fd_(fd), size_(size) {}
  void Append(absl::string_view line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Forgets the lines that begin in the next `length` bytes, and returns where the first one behind them begins.
  size_t MakeRoom(size_t length) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int fd_;  // its own
  const size_t size_;
  mutable Mutex mutex_;
  std::atomic<size_t> head_{0};                        // where the next line goes; changed with the lock
  std::deque<size_t> begins_ ABSL_GUARDED_BY(mutex_);  // of the lines that are there, oldest first
  bool full_ ABSL_GUARDED_BY(mutex_) = false;          // the ring has been filled once
  std::string buffer_ ABSL_GUARDED_BY(mutex_);         // of Append
};

}  // namespace crisp
