// "linux.namespaces" and the id mappings of config.json, and the namespace modes of CRI that they come from.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"
#include "runtime/pod_namespaces.h"
#include "runtime/runtime_features.h"

namespace crisp {

// Internal if `netns_path` does not fit the pod's network mode. It must be empty for a pod with a user namespace: the
// OCI runtime then makes both namespaces together.
absl::StatusOr<nlohmann::json> SandboxNamespaces(bool cgroup_v2, const cri::PodSandboxConfig& pod,
                                                 const std::string& netns_path);

// Internal if `namespaces` do not fit the pod's namespace options.
absl::StatusOr<nlohmann::json> ContainerNamespaces(bool cgroup_v2, const cri::PodSandboxConfig& pod,
                                                   const cri::ContainerConfig& container,
                                                   const PodNamespaces& namespaces);

bool HasUserNamespace(const cri::PodSandboxConfig& pod);

// As in runtime-spec, "linux.uidMappings".
nlohmann::json IdMappings(const google::protobuf::RepeatedPtrField<cri::IDMapping>& mappings);

// Adds those of the pod's user namespace, if it has one, to "linux".
void AddPodIdMappings(const cri::PodSandboxConfig& pod, nlohmann::json* linux_part);

// InvalidArgument for unknown modes, and for modes that a pod (or a container) cannot have. `field` is the path of
// `options`.
absl::Status CheckNamespaceOptions(const cri::NamespaceOption& options, bool of_container, absl::string_view field);

// InvalidArgument for a container that asks for the host's network or IPC in a pod that has its own, or for a user
// namespace other than the pod's: these belong to the pod.
absl::Status CheckSameNamespaces(const cri::NamespaceOption& container, const cri::NamespaceOption& pod,
                                 absl::string_view field);

// InvalidArgument for a pod that asks for a user namespace where the OCI runtime or the kernel has none.
absl::Status CheckUserNamespaceSupport(const RuntimeFeatures& runtime, const cri::PodSandboxConfig& pod);

}  // namespace crisp
