// DirWatch: has a directory changed since the last call? It reads inotify(7) only when asked: there is no thread, no
// timer and no wake-up, and an answer never misses an event that the kernel has already seen.
//
// The directory need not exist. Every directory above it is watched too, for the one name that leads to it, so that a
// directory that appears, goes or is replaced at any level is noticed.
//
// Threading: one thread at a time. Errors: none. If the kernel cannot watch (fs.inotify.max_user_instances or
// max_user_watches reached), every call answers "changed", and the caller reads the directory each time.
#pragma once

#include <map>
#include <string>

#include "os/fd.h"

namespace crisp {

class DirWatch {
 public:
  // `path` is absolute.
  explicit DirWatch(std::string path) : path_(std::move(path)) {}

  // True at the first call, and if the directory, or a file in it, may have been added, written, renamed or removed
  // since the previous call. What the caller reads afterwards is at least as new as the answer.
  bool Changed();

 private:
  void Arm();
  bool AddWatch(const std::string& directory, const std::string& leads_to);
  bool Drain();

  const std::string path_;
  Fd inotify_;  // invalid: not watching
  // Watch descriptor to the one name that matters in that directory; empty for the directory itself: all names do.
  std::map<int, std::string> watched_;
};

}  // namespace crisp
