// The namespaces of the pause container that the containers of a pod join. Each is pinned by a bind mount
// (namespaces(7)) on a file of the pod's directory, so that the path names this namespace or nothing: /proc/<pid>/ns of
// a pause container that has died may be that of somebody else's process.
//
// Pins keep the namespaces alive, and with them the pod's System V shared memory: StopPodSandbox removes them.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "runtime/pod_namespaces.h"
#include "sandbox/record.pb.h"
#include "store/layout.h"

namespace crisp {

// Pins what is not pinned yet. Internal if `pod`.pause_pid is no longer the pause container.
absl::Status PinNamespaces(const Layout& layout, const PodRecord& pod, bool systemd_cgroup);
// OK if there are none.
absl::Status UnpinNamespaces(const Layout& layout, const std::string& pod_id);

// The paths that containers of the pod join; empty where the pod has the node's namespace.
PodNamespaces NamespacesOf(const Layout& layout, const PodRecord& pod);

// Internal if process `pid` is not in the cgroup of the container whose linux.cgroupsPath is `cgroups_path`: the
// container's process has ended, and the pid may be somebody else's by now. What was read by the pid before a check
// that succeeds is the container's.
absl::Status CheckFirstProcess(pid_t pid, const std::string& cgroups_path, bool systemd_cgroup);

// Pins a namespace of process `pid` on the new file `path`, and then makes that check. After an error the caller
// removes the pin.
absl::Status PinNamespace(pid_t pid, const std::string& kind, const std::string& path, const std::string& cgroups_path,
                          bool systemd_cgroup);

}  // namespace crisp
