// LogWriter: a container's output to its log file in the form that the kubelet reads:
//
//   2026-11-23T10:00:00.123456789Z stdout F a whole line
//   2026-11-23T10:00:00.123456789Z stdout P the first part of a line longer than the limit,
//   2026-11-23T10:00:00.123456789Z stdout F its last part
//
// The kubelet's reader (pkg/kubelet/kuberuntime/logs) joins the parts, and adds the newline only for F. So a line
// of exactly the limit is one F; a longer one is cut into parts of the limit; and what a stream ends with without a
// newline is a P: joined again, the log is byte for byte what the container wrote.
//
// Lines of a read go out in one writev (the file is O_APPEND), so that lines of the two streams never mix. A line is
// either wholly in the file or not at all: when the disk fills in the middle of one, its torn end is cut off again and
// the line waits, whole, for Retry. Reopen thus falls between two lines: none is lost, none is written twice.
//
// Threading: none. Memory: per stream a line that has not ended, at most the limit; plus, only while the disk
// refuses, what it refused of one read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"

namespace crisp::shim {

class LogWriter {
 public:
  enum Stream { kStdout, kStderr };

  // What the limit is at most, also where there is none: a line without end must not grow the shim.
  static constexpr size_t kMaxLimit = 262144;

  LogWriter(std::string path, int64_t line_limit);

  // Opens the path (again): the new file is open before the old one is left. 0 or an errno value; then nothing changed.
  int Open();

  // Takes all of `data`, which is not empty. False if the disk refused some of it: the caller reads no more of this
  // container until Retry says true.
  bool Write(Stream stream, std::string_view data, int64_t wall_nanos);
  // The stream has ended: writes what it has left without a newline.
  bool Flush(Stream stream, int64_t wall_nanos);
  bool Retry();

  bool blocked() const { return !pending_.empty(); }
  int last_error() const { return last_error_; }

 private:
  struct Batch;

  void AddLine(Batch* batch, char tag, std::string_view first, std::string_view second);
  void Send(Batch* batch);
  void CutTornLine(size_t torn);

  std::string path_;
  size_t limit_;
  Fd file_;
  std::string carry_[2];              // a line that has not ended
  std::string pending_;               // whole lines that the disk refused
  std::vector<size_t> pending_ends_;  // where each of them ends
  int last_error_ = 0;
};

}  // namespace crisp::shim
