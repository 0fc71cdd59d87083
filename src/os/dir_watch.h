// DirWatch: has anything changed in a directory since the last look? By inotify(7), read when asked: no thread, no
// timer, no wake-up, and no moment in which an event is known to the kernel but not yet to who asks.
//
// The directory need not exist: every directory on the way to it is watched as well for the one name that leads there,
// so that it is noticed when it comes, goes or is replaced at any level.
//
// Threading: one thread at a time. Errors: none. Where the kernel cannot watch (fs.inotify.max_user_instances or
// max_user_watches reached), every look answers "changed", and the caller looks for itself: right, only slower.
#pragma once

#include <map>
#include <string>

#include "os/fd.h"

namespace crisp {

class DirWatch {
 public:
  // `path` is absolute.
  explicit DirWatch(std::string path) : path_(std::move(path)) {}

  // True at the first call, and when a file in the directory may have been added, written, renamed or removed since
  // the call before, or the directory itself. What is read after this call is at least as new as the answer.
  bool Changed();

 private:
  void Arm();
  bool AddWatch(const std::string& directory, const std::string& leads_to);
  bool Drain();

  const std::string path_;
  Fd inotify_;  // not valid: not watching
  // By watch descriptor: the one name in that directory that matters; empty in the directory itself, where all do.
  std::map<int, std::string> watched_;
};

}  // namespace crisp
