// "linux.namespaces" of config.json, and the modes that CRI asks for them.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"
#include "runtime/spec.h"

namespace crisp {

// Internal if `netns_path` and the pod's network mode do not agree. A pod with a user namespace has none: the OCI
// runtime makes its network namespace with the other one.
absl::StatusOr<nlohmann::json> SandboxNamespaces(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                                 const std::string& netns_path);

absl::StatusOr<nlohmann::json> ContainerNamespaces(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                                   const cri::ContainerConfig& container,
                                                   const PodNamespaces& namespaces);

// Modes that we do not know or that are not of a pod (or of a container). `field` is the path of `options`.
absl::Status CheckNamespaceOptions(const cri::NamespaceOption& options, bool of_container, absl::string_view field);

// A pod that asks for a user namespace where it cannot be had.
absl::Status CheckUserNamespaceSupport(const SpecContext& context, const cri::PodSandboxConfig& pod);

bool HasUserNamespace(const cri::PodSandboxConfig& pod);

// As runtime-spec has them ("linux.uidMappings").
nlohmann::json IdMappings(const google::protobuf::RepeatedPtrField<cri::IDMapping>& mappings);
// Those of the pod's user namespace, if it has one, into "linux".
void AddPodIdMappings(const cri::PodSandboxConfig& pod, nlohmann::json* linux_part);

// A container that asks for the host's network or IPC in a pod that has its own, or for another user namespace: CRI
// gives these per pod.
absl::Status CheckSameNamespaces(const cri::NamespaceOption& container, const cri::NamespaceOption& pod,
                                 absl::string_view field);

}  // namespace crisp
