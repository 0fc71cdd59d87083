#include "runtime/oci_runtime.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/default_path.h"
#include "base/status_macros.h"
#include "os/process.h"

namespace crisp {

std::vector<std::string> RuntimeEnvironment() {
  return {absl::StrCat("PATH=", kDefaultPath)};
}

Command RuntimeCommand(const std::string& binary, std::vector<std::string> args) {
  Command command;
  command.path = binary;
  command.args = std::move(args);
  command.env = RuntimeEnvironment();
  return command;
}

absl::Status RunRuntime(const OciRuntime& runtime, const std::vector<std::string>& args, std::string input,
                        const CallContext& call) {
  Command command = RuntimeCommand(runtime.binary, {"--root", runtime.root});
  if (runtime.systemd_cgroup) command.args.push_back("--systemd-cgroup");
  command.args.insert(command.args.end(), args.begin(), args.end());
  command.input = std::move(input);
  const std::string what = absl::StrCat(runtime.binary, " ", args.front());
  ASSIGN_OR_RETURN(const CommandResult result, RunCommand(command, call), what);
  if (result.ok()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(what, ": ", result.Describe()));
}

}  // namespace crisp
