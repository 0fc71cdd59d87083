// LogWriter: writes a container's output to its log file in the format that the kubelet reads:
//
//   2026-11-23T10:00:00.123456789Z stdout F a whole line
//   2026-11-23T10:00:00.123456789Z stdout P the first part of a line longer than the limit,
//   2026-11-23T10:00:00.123456789Z stdout F its last part
//
// The kubelet's reader (pkg/kubelet/kuberuntime/logs) joins the parts and adds a newline only for F. A line of exactly
// the limit is one F, a longer one is cut into parts of the limit, and the end of a stream without a newline is a P.
// Joined again, the log is byte for byte what the container wrote.
//
// The lines of one read are written by one writev(2) (the file is O_APPEND), so that lines of the two streams never
// mix. A line is in the file completely or not at all: when the disk fills up within a line, its part is cut off again
// and the whole line waits for Retry. Open, used to follow a rename, therefore loses no line and writes none twice.
//
// A file system that has become read-only, or has failed, does not recover for descriptors that are open, and cannot be
// unmounted because of them. After such an error Retry closes the file, and opens the path again if the file is there.
//
// Threading: none. Memory: for each stream an unfinished line of at most the limit, and while the disk refuses lines,
// those of one read.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "shim/log_gap.h"
#include "shim/state.h"

namespace crisp::shim {

class LogWriter {
 public:
  enum Stream { kStdout, kStderr };

  // The largest limit, and the limit where none is asked for: an endless line must not fill the shim's memory.
  static constexpr size_t kMaxLimit = 262144;

  LogWriter(std::string path, int64_t line_limit);

  // Opens the path, also again after a rename, and makes the directories above it that are missing. 0 or an errno
  // value; after an error the old file stays in use.
  int Open();

  // For an upgrade: without Open, goes on with the file that is open.
  LogWriterState Save() const;
  void Restore(const LogWriterState& state);

  // Takes all of `data`, which must not be empty. False if the disk refused some lines: then the caller must not write
  // more until Retry returns true.
  bool Write(Stream stream, std::string_view data, int64_t wall_nanos);
  // Writes the unfinished line at the end of a stream. The result is as for Write.
  bool Flush(Stream stream, int64_t wall_nanos);
  // In place of Write and Flush: adds whole lines to the gap. An unfinished line is kept, unless it is longer than the
  // limit or the stream ends, so that what is written later begins with a whole line.
  void Lose(Stream stream, std::string_view data, LogGap* gap);
  void LoseTail(Stream stream, LogGap* gap);
  // Writes a line of the shim's own, whatever the limit. The result is as for Write.
  bool WriteNote(Stream stream, std::string_view text, int64_t wall_nanos);
  // Writes the lines that the disk refused. True if none is left.
  bool Retry();

  bool blocked() const { return !pending_.empty(); }
  int last_error() const { return last_error_; }
  const std::string& path() const { return path_; }

 private:
  struct Batch;

  void AddLine(Batch* batch, char tag, std::string_view first, std::string_view second);
  void Send(Batch* batch);
  int OpenFile(int flags);
  bool OpenAgain();
  void CutTornLine(size_t torn);
  void CutToLastNewline();

  std::string path_;
  size_t limit_;
  Fd file_;                           // invalid at times while lines are refused
  ino_t inode_ = 0;                   // of file_, also after it was closed
  std::string carry_[2];              // an unfinished line of each stream
  std::string pending_;               // whole lines that the disk refused
  std::vector<size_t> pending_ends_;  // where each of them ends
  int last_error_ = 0;
};

}  // namespace crisp::shim
