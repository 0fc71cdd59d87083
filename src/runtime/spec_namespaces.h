// "linux.namespaces" of config.json, and the modes that CRI asks for them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"
#include "runtime/spec.h"

namespace crisp {

// Internal if `netns_path` and the pod's network mode do not agree.
absl::StatusOr<nlohmann::json> SandboxNamespaces(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                                 const std::string& netns_path);

absl::StatusOr<nlohmann::json> ContainerNamespaces(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                                   const cri::ContainerConfig& container,
                                                   const PodNamespaces& namespaces);

// Modes that we do not know or do not have. `field` is the path of `options`.
absl::Status CheckNamespaceOptions(const cri::NamespaceOption& options, absl::string_view field);

// A container that asks for the host's network or IPC in a pod that has its own: CRI gives these per pod.
absl::Status CheckSameNamespaces(const cri::NamespaceOption& container, const cri::NamespaceOption& pod,
                                 absl::string_view field);

}  // namespace crisp
