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

// Pins a namespace of process `pid` on the new file `path`, and then checks that the process is in the cgroup of the
// container whose linux.cgroupsPath is `cgroups_path`: only then the pid was that container's all the time. After an
// error the caller removes the pin.
absl::Status PinNamespace(pid_t pid, const std::string& kind, const std::string& path, const std::string& cgroups_path,
                          bool systemd_cgroup);

}  // namespace crisp
