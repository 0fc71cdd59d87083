#include "runtime/exec_process.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "runtime/field_error.h"
#include "runtime/message_check.h"

namespace crisp {
namespace {

using nlohmann::json;

void AddDefaultTerm(json* process) {
  json& env = (*process)["env"];
  for (const json& entry : env) {
    if (entry.is_string() && absl::StartsWith(entry.get_ref<const std::string&>(), "TERM=")) return;
  }
  env.push_back("TERM=xterm");
}

}  // namespace

absl::Status CheckExecCommand(const std::vector<std::string>& command) {
  if (command.empty() || command[0].empty()) return InvalidField("cmd", "no command specified");
  for (size_t i = 0; i < command.size(); ++i) {
    const std::string field = absl::StrCat("cmd[", i, "]");
    if (command[i].find('\0') != std::string::npos) return InvalidField(field, "has a NUL byte");
    if (!IsUtf8(command[i])) return InvalidField(field, "is not UTF-8, which the OCI runtime cannot be given");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> BuildExecProcess(absl::string_view container_spec, const std::vector<std::string>& command,
                                             bool terminal) {
  RETURN_IF_ERROR(CheckExecCommand(command));
  const json spec = json::parse(container_spec.begin(), container_spec.end(), nullptr, /*allow_exceptions=*/false);
  if (!spec.is_object() || !spec.contains("process") || !spec["process"].is_object()) {
    return absl::InternalError("the container's OCI spec has no process: it is damaged");
  }
  json process = spec["process"];
  process["args"] = command;
  process["terminal"] = terminal;
  if (terminal) AddDefaultTerm(&process);
  return process.dump();  // all its strings are UTF-8: the spec was parsed, the command is checked
}

}  // namespace crisp
