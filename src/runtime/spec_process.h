// "process" of config.json: what runs, as whom, with which environment and capabilities.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "base/image_config.h"
#include "runtime/capabilities.h"
#include "runtime/spec.h"

namespace crisp {

absl::StatusOr<nlohmann::json> ContainerProcess(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                                const cri::ContainerConfig& container, const ImageConfig& image,
                                                const ResolvedUser& user);

absl::StatusOr<nlohmann::json> SandboxProcess(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                              const ImageConfig& image);

absl::StatusOr<CapabilitySets> CapabilitiesOf(const SpecContext& context,
                                              const cri::LinuxContainerSecurityContext& security);

// What the container asks for, else what the pod does, else the node's default; empty without SELinux.
SelinuxLabels ContainerLabels(const SpecContext& context, const cri::PodSandboxConfig& pod,
                              const cri::ContainerConfig& container);
SelinuxLabels SandboxLabels(const SpecContext& context, const cri::PodSandboxConfig& pod);

// The pod's host name, else the node's; empty if neither has one.
std::string HostnameOf(const SpecContext& context, const cri::PodSandboxConfig& pod);

}  // namespace crisp
