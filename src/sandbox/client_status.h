// The errors of shims as clients may see them.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "sandbox/container.h"

namespace crisp {

// Maps Unavailable and Unknown to Internal: to a client Unavailable means that the runtime or a registry is down.
inline absl::Status ForClient(const absl::Status& status) {
  const bool map = absl::IsUnavailable(status) || absl::IsUnknown(status);
  return map ? absl::InternalError(status.message()) : status;
}

inline absl::Status PodNotReady(const std::string& pod_id) {
  return absl::FailedPreconditionError(absl::StrCat("pod ", pod_id, " is not ready"));
}

// FailedPrecondition that says whether the container has not been started or has exited.
inline absl::Status NotRunning(const Container& container) {
  const bool exited = container.view().state == cri::CONTAINER_EXITED;
  return absl::FailedPreconditionError(
      absl::StrCat("container ", container.id(), " is not running: it has ", exited ? "exited" : "not been started"));
}

}  // namespace crisp
