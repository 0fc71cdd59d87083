#include "os/process_state.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr size_t kMost = 4096;

std::string Read(pid_t pid, const char* file) {
  return ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/", file), kMost).value_or("");
}

// The name is in brackets and may hold anything, brackets and spaces too.
std::vector<std::string> BehindName(const std::string& stat) {
  const size_t end = stat.rfind(')');
  if (end == std::string::npos) return {};
  return absl::StrSplit(stat.substr(end + 1), ' ', absl::SkipEmpty());
}

// The function of the first line of /proc/PID/stack: "[<0>] do_wait+0x5d/0x2c0".
std::string TopOfStack(const std::string& stack) {
  const size_t begin = stack.find("] ");
  if (begin == std::string::npos) return "";
  return stack.substr(begin + 2, stack.find_first_of("+\n", begin) - begin - 2);
}

// The kernel gives the stack to privileged readers only, and wchan to all.
std::string SleepsIn(pid_t pid) {
  const std::string top = TopOfStack(Read(pid, "stack"));
  if (!top.empty()) return top;
  const std::string channel = Read(pid, "wchan");
  return channel == "0" ? "" : channel;
}

}  // namespace

std::vector<std::string> StatFieldsOf(pid_t pid) {
  return BehindName(Read(pid, "stat"));
}

std::optional<ProcessState> StateOf(pid_t pid) {
  const std::string stat = Read(pid, "stat");
  const std::vector<std::string> fields = BehindName(stat);
  if (fields.empty()) return std::nullopt;
  ProcessState state;
  const size_t begin = stat.find('(') + 1;
  state.command = stat.substr(begin, stat.rfind(')') - begin);
  state.state = fields[0][0];
  if (state.state != 'R') state.waits_in = SleepsIn(pid);
  return state;
}

}  // namespace crisp
