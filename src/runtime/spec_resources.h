// "linux.resources" of config.json: limits, and the rules for devices.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "runtime/container_context.h"
#include "runtime/host_facts.h"

namespace crisp {

// InvalidArgument naming the field for limits that this node's cgroups cannot have.
absl::StatusOr<nlohmann::json> ContainerResources(const HostFacts& host, const ContainerContext& context,
                                                  const cri::LinuxContainerConfig& config);

// The same without the rules for devices. `field` is the path of `limits`, for errors.
absl::StatusOr<nlohmann::json> ContainerLimits(const HostFacts& host, const cri::LinuxContainerResources& limits,
                                               const std::string& field);

// Of a pause container: the smallest cpu share that the kernel takes, and the standard devices.
nlohmann::json SandboxResources();

// The oom_score_adj that a container gets: the one asked for, but not below what the daemon may set.
int EffectiveOomScoreAdj(const HostFacts& host, int64_t asked);

// InvalidArgument for what makes no sense on any node. `field` is the path of `resources`.
absl::Status CheckResources(const cri::LinuxContainerResources& resources, const std::string& field);

}  // namespace crisp
