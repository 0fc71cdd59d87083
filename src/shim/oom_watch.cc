#include "shim/oom_watch.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

enum class Count { kNone, kSome, kGone };

Count ReadOomKills(int fd) {
  char buffer[1024];
  const ssize_t n = pread(fd, buffer, sizeof(buffer), 0);
  if (n < 0) return Count::kGone;
  const std::string_view text(buffer, static_cast<size_t>(n));
  constexpr std::string_view kField = "oom_kill ";
  for (size_t at = text.find(kField); at != std::string_view::npos; at = text.find(kField, at + 1)) {
    if (at != 0 && text[at - 1] != '\n') continue;
    return text.substr(at + kField.size(), 1) == "0" ? Count::kNone : Count::kSome;
  }
  return Count::kNone;
}

}  // namespace

void OomWatch::Open(const cgroup::Dirs& dirs) {
  for (const cgroup::Dir& dir : dirs) {
    if (dir.Has("memory")) return OpenV1(dir.path);
  }
  for (const cgroup::Dir& dir : dirs) {
    if (!dir.v2) continue;
    counts_.reset(open((dir.path + "/memory.events").c_str(), O_RDONLY | O_CLOEXEC));
    if (counts_.valid()) loop_.Watch(counts_.get(), EPOLLPRI, [this](uint32_t) { Look(); });
  }
}

void OomWatch::OpenV1(const std::string& dir) {
  counts_.reset(open((dir + "/memory.oom_control").c_str(), O_RDONLY | O_CLOEXEC));
  event_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const Fd control(open((dir + "/cgroup.event_control").c_str(), O_WRONLY | O_CLOEXEC));
  const std::string line = std::to_string(event_.get()) + " " + std::to_string(counts_.get());
  if (!counts_.valid() || write(control.get(), line.data(), line.size()) < 0) {
    LogFault("watch " + dir + " for OOM kills");
    return;
  }
  loop_.Watch(event_.get(), EPOLLIN, [this](uint32_t) { Look(); });
}

void OomWatch::Close() {
  loop_.Unwatch(event_.get());
  loop_.Unwatch(counts_.get());
  event_.reset();
  counts_.reset();
}

void OomWatch::Look() {
  uint64_t signalled = 0;
  if (event_.valid() && read(event_.get(), &signalled, sizeof(signalled)) > 0) signalled_ += signalled;
  switch (ReadOomKills(counts_.get())) {
    case Count::kNone:
      return;
    case Count::kSome:
      killed_ = true;
      return;
    case Count::kGone:
      // v1: the last signal was the removal's own. v2: nothing more will come.
      if (signalled_ > 1) killed_ = true;
      Close();
  }
}

bool OomWatch::Killed() {
  if (counts_.valid()) Look();
  return killed_;
}

}  // namespace crisp::shim
