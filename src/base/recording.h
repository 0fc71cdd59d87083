// Recording: a recorder at work for as long as the object lives, and the files that it leaves. The newest lines are in
// one file, which is gone after an end in order; what an earlier process has left of it is kept (base/trace_files.h),
// and so is what a crash or a failure leaves.
//
// Threading: one object at a time in a process; its parts are thread-safe.
#pragma once

#include <memory>
#include <string>

#include "base/recorder.h"
#include "base/trace_files.h"

namespace crisp {

class Recording {
 public:
  // Where `file` cannot be had, the lines are in memory only; where there is no memory either, nothing is recorded. The
  // log says so.
  Recording(std::string file, std::string traces_directory, size_t size = Recorder::kSize);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  // Null if nothing is recorded.
  const Recorder* recorder() const { return recorder_.get(); }
  TraceFiles& traces() { return *traces_; }

 private:
  const std::string file_;
  std::shared_ptr<Recorder> recorder_;
  std::unique_ptr<TraceFiles> traces_;
};

}  // namespace crisp
