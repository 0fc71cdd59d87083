#include "os/process_state.h"

#include <fcntl.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr size_t kMost = 4096;

std::string Read(const std::string& directory, const char* file) {
  return ReadFileAt(AT_FDCWD, absl::StrCat(directory, "/", file), kMost).value_or("");
}

std::string DirectoryOf(pid_t pid) {
  return absl::StrCat("/proc/", pid);
}

// The name is in brackets and may hold anything, brackets and spaces too.
std::vector<std::string> BehindName(const std::string& stat) {
  const size_t end = stat.rfind(')');
  if (end == std::string::npos) return {};
  return absl::StrSplit(stat.substr(end + 1), ' ', absl::SkipEmpty());
}

// The functions of lines such as "[<0>] do_wait+0x5d/0x2c0".
std::vector<std::string> FunctionsIn(const std::string& stack) {
  std::vector<std::string> functions;
  for (const absl::string_view line : absl::StrSplit(stack, '\n', absl::SkipEmpty())) {
    const size_t begin = line.find("] ");
    if (begin == absl::string_view::npos || functions.size() == kStackDepth) break;
    functions.emplace_back(line.substr(begin + 2, line.find('+') - begin - 2));
  }
  return functions;
}

// The kernel gives the stack to privileged readers only, and wchan to all.
std::string SleepsIn(const ProcessState& state, const std::string& directory) {
  if (!state.stack.empty()) return state.stack.front();
  const std::string channel = Read(directory, "wchan");
  return channel == "0" ? "" : channel;
}

std::optional<ProcessState> StateIn(const std::string& directory) {
  const std::string stat = Read(directory, "stat");
  const std::vector<std::string> fields = BehindName(stat);
  if (fields.empty()) return std::nullopt;
  ProcessState state;
  const size_t begin = stat.find('(') + 1;
  state.command = stat.substr(begin, stat.rfind(')') - begin);
  state.state = fields[0][0];
  if (state.state == 'R') return state;
  state.stack = FunctionsIn(Read(directory, "stack"));
  state.waits_in = SleepsIn(state, directory);
  return state;
}

}  // namespace

std::vector<std::string> StatFieldsOf(pid_t pid) {
  return BehindName(Read(DirectoryOf(pid), "stat"));
}

std::optional<ProcessState> StateOf(pid_t pid) {
  return StateIn(DirectoryOf(pid));
}

std::optional<ProcessState> StateOfThread(pid_t thread) {
  return StateIn(absl::StrCat("/proc/self/task/", thread));
}

std::vector<pid_t> Threads() {
  std::vector<pid_t> threads;
  for (const std::string& name : ListDir("/proc/self/task").value_or(std::vector<std::string>())) {
    pid_t thread = 0;
    if (absl::SimpleAtoi(name, &thread)) threads.push_back(thread);
  }
  std::sort(threads.begin(), threads.end());
  return threads;
}

}  // namespace crisp
