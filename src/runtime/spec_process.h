// "process" of config.json: arguments, user, environment and capabilities.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "base/image_config.h"
#include "runtime/capabilities.h"
#include "runtime/cdi.h"
#include "runtime/host_facts.h"
#include "runtime/user.h"

namespace crisp {

// Without the SELinux label.
absl::StatusOr<nlohmann::json> ContainerProcess(const HostFacts& host, const CdiEdits& cdi,
                                                const cri::PodSandboxConfig& pod, const cri::ContainerConfig& container,
                                                const ImageConfig& image, const ResolvedUser& user);

// Of a pause container, without the SELinux label.
absl::StatusOr<nlohmann::json> SandboxProcess(const HostFacts& host, const cri::PodSandboxConfig& pod,
                                              const ImageConfig& image);

// `host`: the capabilities that the daemon has, which limit the container's.
absl::StatusOr<CapabilitySets> CapabilitiesOf(uint64_t host, const cri::LinuxContainerSecurityContext& security);

// The pod's host name, else the node's; empty if neither has one.
std::string HostnameOf(const HostFacts& host, const cri::PodSandboxConfig& pod);

}  // namespace crisp
