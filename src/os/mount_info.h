// The mount that a path is on (mount_namespaces(7), "Shared subtrees"; proc(5), "mountinfo").
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace crisp {

struct MountInfo {
  std::string mount_point;  // in the caller's mount namespace
  bool shared = false;      // mounts below it propagate to its peers, and theirs to it
  bool slave = false;       // mounts below its master propagate to it
  std::string options;      // of its file system, separated by commas: "rw,lowerdir=...,upperdir=..."
};

// The mount that `path` is on; follows links. Needs Linux 5.8 (STATX_MNT_ID).
absl::StatusOr<MountInfo> MountOf(const std::string& path);

}  // namespace crisp
