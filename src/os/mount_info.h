// Which mount a path is on, and how that mount takes part in propagation (mount_namespaces(7), "Shared subtrees").
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace crisp {

struct MountPropagationInfo {
  std::string mount_point;  // in the caller's mount namespace
  bool shared = false;      // what is mounted below on one side is seen on the other
  bool slave = false;       // what is mounted below by its master is seen here
};

// Of the mount that `path` (links followed) is on. Needs Linux 5.8 (STATX_MNT_ID).
absl::StatusOr<MountPropagationInfo> PropagationOf(const std::string& path);

}  // namespace crisp
