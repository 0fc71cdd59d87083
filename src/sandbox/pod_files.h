// The files that a pod's containers share: /etc/resolv.conf, /etc/hostname, /etc/hosts.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "api/cri/cri.h"
#include "store/layout.h"

namespace crisp {

// The hostname of a pod: what its config says, else the node's.
std::string PodHostname(const cri::PodSandboxConfig& config);

// True if the pod shares the network of the node.
bool UsesHostNetwork(const cri::PodSandboxConfig& config);

// Writes them into the directory of the pause container, which must exist. resolv.conf is the DNS config as it came, or
// the node's where there is none; hosts is the node's (the kubelet mounts its own over it).
absl::Status WritePodFiles(const Layout& layout, const std::string& pod_id, const cri::PodSandboxConfig& config);

}  // namespace crisp
