#include "stats/process_usage.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "os/dir_stream.h"

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

}  // namespace

ProcessUsage UsageOfProcesses(const std::vector<pid_t>& pids) {
  ProcessUsage usage;
  for (const pid_t pid : pids) AddProcess(pid, &usage);
  return usage;
}

std::optional<uint64_t> DescriptorLimit(pid_t pid) {
  rlimit limit{};
  if (prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) != 0) return std::nullopt;
  return limit.rlim_cur;
}

}  // namespace crisp
