#include "e2e/processes.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "e2e/files.h"
#include "e2e/wait.h"

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;

std::vector<pid_t> Pids() {
  std::vector<pid_t> pids;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") == std::string::npos) pids.push_back(std::stoi(name));
  }
  return pids;
}

// Field `number` of /proc/PID/stat, counted from 1 as in proc_pid_stat(5); empty if the process has ended. The second
// field, in parentheses, may contain anything.
std::string StatField(pid_t pid, int number) {
  const std::string stat = ReadFile(ProcPath(pid, "stat"));
  std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
  std::string field;
  for (int i = 3; i <= number; ++i) fields >> field;
  return fields ? field : "";
}

// Empty for a thread of the kernel, and for a process that has ended.
std::string CommandLine(pid_t pid) {
  std::string line = ReadFile(ProcPath(pid, "cmdline"));
  std::replace(line.begin(), line.end(), '\0', ' ');
  if (line.empty() && StatField(pid, 3) == "Z") {
    line = "zombie (" + ReadFile(ProcPath(pid, "comm"));
    if (line.back() == '\n') line.pop_back();
    line += ")";
  }
  return line;
}

bool IsInCgroupOf(pid_t pid, const std::string& id) {
  return ReadFile(ProcPath(pid, "cgroup")).find(id) != std::string::npos;
}

pid_t ParentOf(pid_t pid) {
  const std::string parent = StatField(pid, 4);
  return parent.empty() ? 0 : std::stoi(parent);
}

}  // namespace

std::string ProcPath(pid_t pid, const std::string& name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

std::map<pid_t, std::string> CommandLines(const std::vector<pid_t>& except) {
  std::map<pid_t, std::string> found;
  for (const pid_t pid : Pids()) {
    if (pid == 1 || pid == getpid() || std::count(except.begin(), except.end(), pid) > 0) continue;
    const std::string line = CommandLine(pid);
    if (!line.empty()) found[pid] = line;
  }
  return found;
}

std::vector<std::string> ProcessList(const std::vector<pid_t>& except) {
  std::vector<std::string> list;
  for (const auto& [pid, line] : CommandLines(except)) list.push_back(std::to_string(pid) + " " + line);
  return list;
}

bool Runs(const std::string& text) {
  const auto lines = CommandLines();
  return std::any_of(lines.begin(), lines.end(),
                     [&](const auto& process) { return process.second.find(text) != std::string::npos; });
}

pid_t PidByCommand(const std::string& text) {
  std::vector<pid_t> found;
  WaitFor("one process with \"" + text + "\"", std::chrono::seconds(5), [&] {
    found.clear();
    for (const auto& [pid, line] : CommandLines()) {
      if (line.find(text) != std::string::npos) found.push_back(pid);
    }
    return found.size() == 1;
  });
  return found.front();
}

pid_t PidOf(const std::string& id) {
  pid_t first = 0;
  for (const pid_t pid : Pids()) {
    if (!IsInCgroupOf(pid, id) || IsInCgroupOf(ParentOf(pid), id)) continue;
    // An exec's first process has its parent outside too, and a higher pid.
    if (first == 0 || pid < first) first = pid;
  }
  if (first == 0) throw std::runtime_error("no process is in a cgroup of " + id);
  return first;
}

bool Exists(pid_t pid) {
  return kill(pid, 0) == 0;
}

std::string Identity(pid_t pid) {
  return std::to_string(pid) + "@" + StatField(pid, 22);
}

int64_t MemoryKib(pid_t pid, const std::string& file, const std::string& key) {
  for (const std::string& line : Lines(ReadFile(ProcPath(pid, file)))) {
    if (line.rfind(key + ":", 0) == 0) return std::stoll(line.substr(key.size() + 1));
  }
  throw std::runtime_error("no " + key + " of process " + std::to_string(pid));
}

double CpuSeconds(pid_t pid) {
  const double ticks = std::stod(StatField(pid, 14)) + std::stod(StatField(pid, 15));
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

size_t CountOf(pid_t pid, const std::string& directory) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(ProcPath(pid, directory)), {}));
}

}  // namespace crisp::e2e
