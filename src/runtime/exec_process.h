// BuildExecProcess: the OCI "process" object (runtime-spec config.md) of an exec. A pure function.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

// InvalidArgument naming the field cmd for a command that cannot be run at all.
absl::Status CheckExecCommand(const std::vector<std::string>& command);

// The process of `container_spec` (a config.json) with `command` as its arguments. With a terminal TERM is xterm,
// unless the container sets it. InvalidArgument naming the field cmd; Internal for a damaged spec.
absl::StatusOr<std::string> BuildExecProcess(absl::string_view container_spec, const std::vector<std::string>& command,
                                             bool terminal = false);

}  // namespace crisp
