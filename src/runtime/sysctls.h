// The sysctls that a pod may set: those of namespaces that it owns. Any other name would change the node itself (as in
// CRI-O's CVE-2022-0811).
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "api/cri/cri.h"

namespace crisp {

// The pod's sysctls with dots as separators. Allowed are those of the IPC namespace (ipc_namespaces(7)) unless the pod
// uses the host's, and net.* unless it uses the host's network.
absl::StatusOr<std::map<std::string, std::string>> PodSysctls(const cri::PodSandboxConfig& pod);

// Adds what lets every user of a pod bind any port, and every group of it send pings, unless the pod says otherwise or
// uses the host's network.
void AddUnprivilegedSysctls(bool ports, bool icmp, const cri::PodSandboxConfig& pod,
                            std::map<std::string, std::string>* sysctls);

}  // namespace crisp
