#include "stats/process_usage.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "os/dir_stream.h"
#include "os/file.h"

namespace crisp {
namespace {

bool IsSocket(int directory, const char* descriptor) {
  char target[32];  // "socket:[4026531992]"
  const ssize_t n = readlinkat(directory, descriptor, target, sizeof(target));
  return n > 0 && absl::StartsWith(absl::string_view(target, static_cast<size_t>(n)), "socket:");
}

void AddProcess(pid_t pid, ProcessUsage* usage) {
  DirStream stream(Fd(open(absl::StrCat("/proc/", pid, "/fd").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  while (const dirent* entry = stream.Next()) {
    ++usage->descriptors;
    if (IsSocket(stream.fd(), entry->d_name)) ++usage->sockets;
  }
}

// Everybody may read the file; prlimit(2) needs CAP_SYS_RESOURCE for a process of another user, and takes a tenth of
// the time.
std::optional<uint64_t> LimitFromFile(pid_t pid) {
  const auto limits = ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/limits"), 1 << 16);
  if (!limits.ok()) return std::nullopt;
  for (absl::string_view line : absl::StrSplit(*limits, '\n')) {
    uint64_t soft = 0;
    if (!absl::ConsumePrefix(&line, "Max open files")) continue;
    line = absl::StripLeadingAsciiWhitespace(line);
    if (absl::SimpleAtoi(line.substr(0, line.find(' ')), &soft)) return soft;
  }
  return std::nullopt;
}

}  // namespace

ProcessUsage UsageOfProcesses(const std::vector<pid_t>& pids) {
  ProcessUsage usage;
  for (const pid_t pid : pids) AddProcess(pid, &usage);
  return usage;
}

std::optional<uint64_t> DescriptorLimit(pid_t pid) {
  rlimit limit{};
  if (prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) == 0) {
    return limit.rlim_cur == RLIM_INFINITY ? std::nullopt : std::optional<uint64_t>(limit.rlim_cur);
  }
  return errno == EPERM ? LimitFromFile(pid) : std::nullopt;
}

}  // namespace crisp
