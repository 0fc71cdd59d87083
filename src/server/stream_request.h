// What Exec, Attach and PortForward check before they give out a URL: what is wrong now would otherwise be said only to
// whoever opens the stream.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "sandbox/pod_manager.h"

namespace crisp {

// InvalidArgument unless at least one stream is asked for, and with a terminal, which has one output for all, no
// errors.
template <typename Request>
absl::Status CheckStreams(const Request& request) {
  if (!request.stdin() && !request.stdout() && !request.stderr()) {
    return absl::InvalidArgumentError("fields stdin, stdout, stderr: at least one must be true");
  }
  if (request.tty() && request.stderr()) {
    return absl::InvalidArgumentError(
        "field stderr: must be false with tty, whose output carries both; ask for stdout");
  }
  return absl::OkStatus();
}

// The whole id of a running container. NotFound, or FailedPrecondition if it does not run.
inline absl::StatusOr<std::string> RunningContainer(PodManager* pods, const std::string& id) {
  ASSIGN_OR_RETURN(const cri::ContainerStatusResponse container, pods->ContainerStatus(id, false));
  const std::string& whole_id = container.status().id();
  if (container.status().state() != cri::CONTAINER_RUNNING) {
    return absl::FailedPreconditionError(absl::StrCat("container ", whole_id, " is not running"));
  }
  return whole_id;
}

}  // namespace crisp
