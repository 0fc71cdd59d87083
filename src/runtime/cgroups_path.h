// linux.cgroupsPath of a container's spec, for both cgroup drivers.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace crisp {

// linux.cgroupsPath of the container `id` below `parent` (config.linux.cgroup_parent).
//   cgroupfs  "/parent/id"; "/id" without a parent, so that no directory of crisp's own is left behind
//   systemd   "parent.slice:crisp:id", which is the scope "crisp-<id>.scope", with the last component of the parent,
//             since a slice's name holds its ancestors; in "system.slice" without a parent
std::string CgroupsPath(bool systemd, const std::string& parent, const std::string& id);

// InvalidArgument for a parent that does not fit the cgroup driver in use.
absl::Status CheckCgroupParent(bool systemd, const std::string& parent);

}  // namespace crisp
