// What every way into a running container begins with: ExecSync, and the streams of the streaming server.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/shim_client.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"

namespace crisp {

// FailedPrecondition, saying whether it has not been started or has exited.
absl::Status NotRunning(const Container& container);

// The shim of a container that runs, else NotRunning.
absl::StatusOr<std::shared_ptr<Shim>> ShimOf(const Pod& pod, const Container& container);

// The process object of `command` in the container whose spec is in the file `spec`.
absl::StatusOr<std::string> ExecProcessOf(const std::string& spec, const std::vector<std::string>& command,
                                          bool terminal = false);

}  // namespace crisp
