#include "os/dir_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace crisp {
namespace {

// IN_CREATE besides IN_CLOSE_WRITE, because links are created without being written.
constexpr uint32_t kEvents = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |
                             IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR;

}  // namespace

bool DirWatch::Changed() {
  if (inotify_.valid() && !Drain()) return false;
  Arm();
  return true;
}

// Uses a new descriptor each time, so that no watch on a directory that was moved away is left. Goes from the root
// down, so that the watch on a parent reports a directory that appears between two steps.
void DirWatch::Arm() {
  watched_.clear();
  inotify_.reset(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify_.valid()) return;
  const std::vector<std::string> names = absl::StrSplit(path_, '/', absl::SkipEmpty());
  std::string directory = "/";
  for (const std::string& name : names) {
    if (!AddWatch(directory, name)) return;
    directory = absl::StrCat(directory, directory == "/" ? "" : "/", name);
  }
  AddWatch(directory, "");
}

// False if nothing further down can be watched.
bool DirWatch::AddWatch(const std::string& directory, const std::string& leads_to) {
  const int watch = inotify_add_watch(inotify_.get(), directory.c_str(), kEvents);
  if (watch >= 0) {
    watched_[watch] = leads_to;
    return true;
  }
  const bool not_there = errno == ENOENT || errno == ENOTDIR;
  if (!not_there) inotify_.reset();
  return false;
}

bool DirWatch::Drain() {
  bool changed = false;
  alignas(inotify_event) char buffer[4096];
  ssize_t length = 0;
  while ((length = read(inotify_.get(), buffer, sizeof(buffer))) > 0) {
    for (const char* at = buffer; at < buffer + length;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      at += sizeof(inotify_event) + event->len;
      const auto watch = watched_.find(event->wd);
      // An unknown watch means that the queue overflowed. An event without a name is about the directory itself.
      changed = changed || watch == watched_.end() || event->len == 0 || watch->second.empty() ||
                watch->second == event->name;
    }
  }
  return changed || errno != EAGAIN;
}

}  // namespace crisp
