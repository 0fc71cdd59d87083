#include "base/trace_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/lines_about.h"
#include "base/write_fully.h"

namespace crisp {
namespace {

// "20261129T160102.345Z": sorts by time, and a shell takes it as it is.
std::string TimeInName() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  std::string time = FormatLogTime(now, 3);
  std::erase_if(time, [](char c) { return c == ':' || c == '-'; });
  return time;
}

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Of a recorder's file: each begins with its time.
std::vector<std::string> SortedLines(const std::string& text) {
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(line, "{\"time\":")) lines.emplace_back(line);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

// As many of the last lines as fit.
std::vector<std::string> Newest(std::vector<std::string> lines, size_t most_bytes) {
  size_t bytes = 0;
  auto first = lines.end();
  while (first != lines.begin() && (bytes += std::prev(first)->size() + 1) <= most_bytes) --first;
  lines.erase(lines.begin(), first);
  return lines;
}

}  // namespace

TraceFiles::TraceFiles(std::string directory, std::shared_ptr<const Recorder> recorder, std::chrono::nanoseconds pause)
    : directory_(std::move(directory)), recorder_(std::move(recorder)), pause_(pause) {
  if (mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST) {
    LogWarning("no traces of failures will be kept", {{"directory", directory_}, {"error", strerror(errno)}});
  }
  MakeRoom("crash-", kMostCrashes);
}

std::string TraceFiles::ForFailure(absl::string_view method) {
  if (recorder_ == nullptr) return "";
  {
    const MutexLock lock(mutex_);
    const MonoTime now = MonoClock::now();
    if (now < next_) return "";
    next_ = now + pause_;
  }
  return absl::StrCat(directory_, "/failure-", TimeInName(), "-", method, ".jsonl");
}

void TraceFiles::Write(const std::string& path, const OwnedLogFields& object) {
  MakeRoom("failure-", kMostFailures);
  WriteLines(path, Newest(recorder_->Lines(LinesAbout(object)), kMostOfFailure));
}

void TraceFiles::KeepLeftover(const std::string& recorder_file) {
  const std::vector<std::string> lines = SortedLines(ReadWhole(recorder_file));
  if (!lines.empty()) {
    MakeRoom("end-", kMostEnds);
    const std::string path = absl::StrCat(directory_, "/end-", TimeInName(), ".jsonl");
    WriteLines(path, lines);
    LogInfo("the process before this one was not ended in order; what it did last is kept", {{"trace", path}});
  }
  unlink(recorder_file.c_str());
}

void TraceFiles::MakeRoom(absl::string_view prefix, size_t most) const {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    std::string name = entry.path().filename().string();
    if (absl::StartsWith(name, prefix)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  for (size_t i = 0; i + most <= names.size(); ++i) unlink(absl::StrCat(directory_, "/", names[i]).c_str());
}

void TraceFiles::WriteLines(const std::string& path, const std::vector<std::string>& lines) const {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written = fd >= 0 && WriteFully(fd, absl::StrCat(absl::StrJoin(lines, "\n"), "\n"));
  const int error = errno;
  if (fd >= 0) close(fd);
  if (written) return;
  LogWarning("a trace cannot be written", {{"path", path}, {"error", strerror(error)}});
  unlink(path.c_str());
}

}  // namespace crisp
