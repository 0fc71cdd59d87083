#include "doctor/host_tree.h"

#include <fcntl.h>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr size_t kFileLimit = 1 << 20;

}  // namespace

bool HostTree::Has(absl::string_view path) const {
  return Exists(At(path));
}

absl::StatusOr<std::string> HostTree::Read(absl::string_view path) const {
  return ReadFileAt(AT_FDCWD, At(path), kFileLimit);
}

std::string HostTree::ReadLine(absl::string_view path) const {
  return std::string(absl::StripAsciiWhitespace(Read(path).value_or("")));
}

std::vector<std::string> HostTree::List(absl::string_view path) const {
  return ListDir(At(path)).value_or(std::vector<std::string>());
}

std::string FlagAmong(const std::vector<std::string>& args, absl::string_view name) {
  std::string value;
  for (size_t i = 0; i < args.size(); ++i) {
    absl::string_view arg = args[i];
    // Go's pflag wants two dashes, its flag package takes one as well.
    if (!absl::ConsumePrefix(&arg, "--") && !absl::ConsumePrefix(&arg, "-")) continue;
    if (!absl::ConsumePrefix(&arg, name)) continue;
    if (arg.empty() && i + 1 < args.size()) value = args[i + 1];
    if (absl::ConsumePrefix(&arg, "=")) value = std::string(arg);
  }
  return value;
}

std::string NodeProcess::Flag(absl::string_view name) const {
  return FlagAmong(args, name);
}

std::vector<NodeProcess> ProcessesOf(const HostTree& tree) {
  std::vector<NodeProcess> processes;
  for (const std::string& name : tree.List("/proc")) {
    NodeProcess process;
    if (!absl::SimpleAtoi(name, &process.pid)) continue;
    process.command = tree.ReadLine(absl::StrCat("/proc/", name, "/comm"));
    const std::string line = tree.Read(absl::StrCat("/proc/", name, "/cmdline")).value_or("");
    process.args = absl::StrSplit(absl::StripSuffix(line, absl::string_view("\0", 1)), '\0');
    processes.push_back(std::move(process));
  }
  return processes;
}

}  // namespace crisp
