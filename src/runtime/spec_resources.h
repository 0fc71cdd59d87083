// "linux.resources" of config.json, and the place of the container among the cgroups.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "runtime/spec.h"

namespace crisp {

// InvalidArgument or Unimplemented for what this machine's cgroups cannot do.
absl::StatusOr<nlohmann::json> ContainerResources(const SpecContext& context, const cri::LinuxContainerConfig& config);

// The same without the rules for devices. `field` is the path of `limits`, for errors.
absl::StatusOr<nlohmann::json> ContainerLimits(const SpecContext& context, const cri::LinuxContainerResources& limits,
                                               const std::string& field);

// The pause container: the least cpu shares there are, and no device but the standard ones.
nlohmann::json SandboxResources();

// "linux.devices": those that are asked for, and for a privileged container the host's, by path. Those of
// runtime-spec's "Default Devices" come by themselves.
nlohmann::json DeviceNodes(const SpecContext& context, bool privileged);

// What makes no sense on any machine. `field` is the path of `resources`.
absl::Status CheckResources(const cri::LinuxContainerResources& resources, const std::string& field);

// A parent that the driver in use cannot have, as config.linux.cgroup_parent.
absl::Status CheckCgroupParent(const SpecContext& context);

}  // namespace crisp
