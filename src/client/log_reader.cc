#include "client/log_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "client/human.h"
#include "os/fd.h"

namespace crisp::client {
namespace {

constexpr size_t kPart = 64 << 10;
constexpr int kAskEvery = 1000;  // ms

// A file that grows, by lines.
class LineFile {
 public:
  absl::Status Open(const std::string& path) {
    file_.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file_.valid()) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat("read the log ", path, ": ", strerror(errno)));
  }

  // The lines that are whole by now.
  void Read(const std::function<void(absl::string_view)>& take) {
    std::array<char, kPart> part;
    for (ssize_t count; (count = read(file_.get(), part.data(), part.size())) > 0;) {
      pending_.append(part.data(), static_cast<size_t>(count));
      size_t begin = 0;
      for (size_t end; (end = pending_.find('\n', begin)) != std::string::npos; begin = end + 1) {
        take(absl::string_view(pending_).substr(begin, end - begin));
      }
      pending_.erase(0, begin);
    }
  }

  // Whether the path has another file by now: the log was rotated.
  bool Replaced(const std::string& path) const {
    struct stat ours {
    }, theirs{};
    return fstat(file_.get(), &ours) == 0 && stat(path.c_str(), &theirs) == 0 && ours.st_ino != theirs.st_ino;
  }

 private:
  Fd file_;
  std::string pending_;
};

// Where the last `count` lines begin is found by reading all: logs are rotated, and so are short.
class Tail {
 public:
  explicit Tail(std::optional<size_t> count) : count_(count) {}

  void Add(LogLine line, const std::function<void(const LogLine&)>& take) {
    if (!count_ || flowing_) return take(line);
    kept_.push_back(std::move(line));
    if (kept_.size() > *count_) kept_.pop_front();
  }
  void Flow(const std::function<void(const LogLine&)>& take) {
    for (const LogLine& line : kept_) take(line);
    kept_.clear();
    flowing_ = true;
  }

 private:
  const std::optional<size_t> count_;
  std::deque<LogLine> kept_;
  bool flowing_ = false;
};

void Drain(int inotify) {
  std::array<char, 4096> events;
  while (read(inotify, events.data(), events.size()) > 0) continue;
}

}  // namespace

std::optional<LogLine> ParseLogLine(absl::string_view line) {
  const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(' ', 3));
  if (parts.size() < 3 || (parts[1] != "stdout" && parts[1] != "stderr")) return std::nullopt;
  LogLine parsed;
  parsed.time = FromRfc3339(parts[0]);
  if (parsed.time == 0) return std::nullopt;
  parsed.error = parts[1] == "stderr";
  parsed.text = parts.size() == 4 ? std::string(parts[3]) : "";
  const absl::string_view tag = parts[2].substr(0, parts[2].find(':'));
  if (tag == "F") parsed.text += '\n';
  return parsed;
}

absl::Status ReadLog(const std::string& path, const LogOptions& options, int ended_fd,
                     const std::function<bool()>& ended, const std::function<void(const LogLine&)>& take) {
  const Fd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const std::string directory = path.substr(0, path.rfind('/'));
  // The directory's events are those of the file in it too, also of the one after a rotation.
  inotify_add_watch(inotify.get(), directory.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
  LineFile file;
  RETURN_IF_ERROR(file.Open(path));
  Tail tail(options.tail);
  const auto take_line = [&](absl::string_view text) {
    std::optional<LogLine> line = ParseLogLine(text);
    if (line && line->time >= options.since && line->time <= options.until) tail.Add(*std::move(line), take);
  };
  file.Read(take_line);
  tail.Flow(take);
  while (options.follow) {
    // Asked before the last read: what was written until the end is read then.
    const bool last = ended();
    file.Read(take_line);
    if (file.Replaced(path)) {
      file.Read(take_line);
      RETURN_IF_ERROR(file.Open(path));
      continue;
    }
    if (last) break;
    std::array<pollfd, 2> waits = {{{inotify.get(), POLLIN, 0}, {ended_fd, POLLIN, 0}}};
    // The end is told by a descriptor that stays readable: without a pause the runtime would be asked all the time.
    poll(waits.data(), waits.size(), kAskEvery);
    if ((waits[1].revents & POLLIN) != 0) poll(waits.data(), 1, 10);
    Drain(inotify.get());
  }
  return absl::OkStatus();
}

}  // namespace crisp::client
