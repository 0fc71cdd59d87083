// The mount that a path is on, and its propagation type (mount_namespaces(7), "Shared subtrees").
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace crisp {

struct MountPropagationInfo {
  std::string mount_point;  // in the caller's mount namespace
  bool shared = false;      // mounts below it propagate to its peers, and theirs to it
  bool slave = false;       // mounts below its master propagate to it
};

// Of the mount that `path` is on; follows links. Needs Linux 5.8 (STATX_MNT_ID).
absl::StatusOr<MountPropagationInfo> PropagationOf(const std::string& path);

}  // namespace crisp
