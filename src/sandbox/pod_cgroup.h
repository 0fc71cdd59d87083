// The pod's cgroup: the one above those of its containers, which the kubelet names in cgroup_parent, and makes and
// limits itself before it calls us.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "api/cri/cri.h"
#include "os/cgroup_core.h"
#include "sandbox/record.pb.h"

namespace crisp {

// A name that two pods share if their containers are below the same cgroup. Empty for a pod without a cgroup of its
// own: the kubelet named none, or the root.
std::string PodCgroupName(const PodRecord& pod, bool systemd);

// Its directories, whether they exist or not. Empty if it has none.
cgroup::Dirs PodCgroups(const PodRecord& pod, bool systemd);

// True if it is there in one of the hierarchies.
bool PodCgroupExists(const PodRecord& pod, bool systemd);

// Writes the limits that overhead and resources make together: all of them into a cgroup that crisp made; into
// somebody else's none, for the kubelet has written its own before it called, and they are not always these: where one
// container has no limit the pod has none, but `resources` has the sum of the others.
absl::Status LimitPodCgroup(const PodRecord& pod, bool systemd);

// Removes one that crisp made, unless another pod is below it. A slice is systemd's, which removes it by itself.
absl::Status RemovePodCgroup(const PodRecord& pod, bool systemd);

}  // namespace crisp
