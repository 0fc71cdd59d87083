#include "runtime/spec_namespaces.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "runtime/field_error.h"

namespace crisp {
namespace {

using nlohmann::json;

json New(const char* type) {
  return {{"type", type}};
}
json Join(const char* type, const std::string& path) {
  return {{"type", type}, {"path", path}};
}

bool HasOwnNetwork(const cri::PodSandboxConfig& pod) {
  return pod.linux().security_context().namespace_options().network() != cri::NODE;
}

bool HasOwnIpc(const cri::PodSandboxConfig& pod) {
  return pod.linux().security_context().namespace_options().ipc() != cri::NODE;
}

absl::Status CheckPath(const char* what, bool own, const std::string& path) {
  if (own != path.empty()) return absl::OkStatus();
  return absl::InternalError(own ? absl::StrCat("the pod has a ", what, " namespace of its own, whose path is missing")
                                 : absl::StrCat("the pod uses the host's ", what, " namespace, and a path is given"));
}

// The container's own word, else the pod's.
cri::NamespaceMode PidMode(const cri::PodSandboxConfig& pod, const cri::ContainerConfig& container) {
  const cri::LinuxContainerSecurityContext& security = container.linux().security_context();
  const cri::NamespaceMode of_pod = pod.linux().security_context().namespace_options().pid();
  if (!security.has_namespace_options()) return of_pod;
  const cri::NamespaceMode mode = security.namespace_options().pid();
  // POD means "as the pod", and such a pod has the host's.
  return mode == cri::POD && of_pod == cri::NODE ? cri::NODE : mode;
}

absl::Status AddPid(cri::NamespaceMode mode, const std::string& path, json& list) {
  if (mode == cri::NODE) return absl::OkStatus();
  if (mode == cri::CONTAINER) {
    list.push_back(New("pid"));
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(CheckPath("pid", true, path));
  list.push_back(Join("pid", path));
  return absl::OkStatus();
}

bool IsKnown(cri::NamespaceMode mode) {
  return cri::NamespaceMode_IsValid(mode);
}

absl::Status CheckMode(cri::NamespaceMode mode, bool container_too, const std::string& field) {
  if (!IsKnown(mode)) return InvalidField(field, absl::StrCat("unknown mode ", static_cast<int>(mode)));
  if (mode == cri::TARGET || (mode == cri::CONTAINER && !container_too)) {
    return NotYetHonoured(absl::StrCat(field, " (", cri::NamespaceMode_Name(mode), ")"));
  }
  return absl::OkStatus();
}

// An empty message has mode POD: it asks for a user namespace, and the answer to what cannot be given is an error.
absl::Status CheckUserNamespace(const cri::UserNamespace& options, const std::string& field) {
  const std::string mode = absl::StrCat(field, ".mode");
  if (options.mode() == cri::POD) return NotYetHonoured(absl::StrCat(mode, " (POD)"));
  if (options.mode() != cri::NODE)
    return InvalidField(mode, "a user namespace is the pod's (POD) or the node's (NODE)");
  if (options.uids_size() > 0)
    return InvalidField(absl::StrCat(field, ".uids"), "the node's user namespace has no map");
  if (options.gids_size() > 0)
    return InvalidField(absl::StrCat(field, ".gids"), "the node's user namespace has no map");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<json> SandboxNamespaces(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                       const std::string& netns_path) {
  RETURN_IF_ERROR(CheckPath("network", HasOwnNetwork(pod), netns_path));
  json list = {New("mount"), New("pid")};
  if (HasOwnIpc(pod)) list.push_back(New("ipc"));
  if (HasOwnNetwork(pod)) {
    list.push_back(New("uts"));
    list.push_back(Join("network", netns_path));
  }
  if (context.cgroup_v2) list.push_back(New("cgroup"));
  return list;
}

absl::StatusOr<json> ContainerNamespaces(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                         const cri::ContainerConfig& container, const PodNamespaces& namespaces) {
  RETURN_IF_ERROR(CheckPath("network", HasOwnNetwork(pod), namespaces.network));
  RETURN_IF_ERROR(CheckPath("uts", HasOwnNetwork(pod), namespaces.uts));
  RETURN_IF_ERROR(CheckPath("ipc", HasOwnIpc(pod), namespaces.ipc));
  json list = json::array({New("mount")});
  RETURN_IF_ERROR(AddPid(PidMode(pod, container), namespaces.pid, list));
  if (HasOwnIpc(pod)) list.push_back(Join("ipc", namespaces.ipc));
  if (HasOwnNetwork(pod)) {
    list.push_back(Join("uts", namespaces.uts));
    list.push_back(Join("network", namespaces.network));
  }
  // A privileged container sees the node's hierarchy, as the node's own tools do.
  if (context.cgroup_v2 && !container.linux().security_context().privileged()) list.push_back(New("cgroup"));
  return list;
}

absl::Status CheckNamespaceOptions(const cri::NamespaceOption& options, absl::string_view field) {
  RETURN_IF_ERROR(CheckMode(options.network(), false, absl::StrCat(field, ".network")));
  RETURN_IF_ERROR(CheckMode(options.pid(), true, absl::StrCat(field, ".pid")));
  RETURN_IF_ERROR(CheckMode(options.ipc(), false, absl::StrCat(field, ".ipc")));
  if (!options.target_id().empty()) return NotYetHonoured(absl::StrCat(field, ".target_id"));
  if (!options.has_userns_options()) return absl::OkStatus();
  return CheckUserNamespace(options.userns_options(), absl::StrCat(field, ".userns_options"));
}

absl::Status CheckSameNamespaces(const cri::NamespaceOption& container, const cri::NamespaceOption& pod,
                                 absl::string_view field) {
  if (container.network() == cri::NODE && pod.network() != cri::NODE) {
    return InvalidField(absl::StrCat(field, ".network"), "asks for the host's network in a pod that has its own");
  }
  if (container.ipc() == cri::NODE && pod.ipc() != cri::NODE) {
    return InvalidField(absl::StrCat(field, ".ipc"), "asks for the host's IPC in a pod that has its own");
  }
  return absl::OkStatus();
}

}  // namespace crisp
