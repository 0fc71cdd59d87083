// TraceFiles: a directory with what the recorder had when something went wrong, for whoever has to find out later.
//
//   failure-<time>-<method>.jsonl   a call has failed with Internal: the lines about its object
//   end-<time>.jsonl                a process has ended without being asked to: all that it had recorded
//   crash-<seconds>.txt             it has crashed: its stack, and the same (base/crash_handler.h)
//
// The oldest files make room. Thread-safe. What cannot be written is named in the log.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/recorder.h"

namespace crisp {

class TraceFiles {
 public:
  static constexpr size_t kMostFailures = 20;
  static constexpr size_t kMostOfFailure = 128 << 10;  // bytes, those of the newest lines
  static constexpr size_t kMostEnds = 3;
  static constexpr size_t kMostCrashes = 3;

  // Makes the directory, mode 0700. `recorder` may be null: then there is nothing to keep. A second failure within
  // `pause` leaves no file.
  TraceFiles(std::string directory, std::shared_ptr<const Recorder> recorder,
             std::chrono::nanoseconds pause = std::chrono::minutes(1));

  // The path for Write, which the log line of the failure names; empty if there is to be no file. `method` is a word.
  std::string ForFailure(absl::string_view method);
  // The lines about the object that these fields name (base/lines_about.h).
  void Write(const std::string& path, const OwnedLogFields& object);

  // A recorder's file that the process before has left is moved here, in order, and named in the log. Nothing happens
  // if there is none.
  void KeepLeftover(const std::string& recorder_file);

  const std::string& directory() const { return directory_; }

 private:
  // Removes the oldest of those whose name begins so, until there is room for one more.
  void MakeRoom(absl::string_view prefix, size_t most) const;
  void WriteLines(const std::string& path, const std::vector<std::string>& lines) const;

  const std::string directory_;
  const std::shared_ptr<const Recorder> recorder_;
  const std::chrono::nanoseconds pause_;
  Mutex mutex_;
  MonoTime next_ ABSL_GUARDED_BY(mutex_);  // when a failure may have a file again
};

}  // namespace crisp
