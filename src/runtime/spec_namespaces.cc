#include "runtime/spec_namespaces.h"

#include <google/protobuf/util/message_differencer.h>

#include <nlohmann/json.hpp>
#include <utility>

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

absl::Status CheckMode(cri::NamespaceMode mode, const std::string& field) {
  if (!IsKnown(mode)) return InvalidField(field, absl::StrCat("unknown mode ", static_cast<int>(mode)));
  if (mode == cri::POD || mode == cri::NODE) return absl::OkStatus();
  return InvalidField(field,
                      absl::StrCat(cri::NamespaceMode_Name(mode), ": it is the pod's (POD) or the node's (NODE)"));
}

absl::Status CheckPidMode(const cri::NamespaceOption& options, bool of_container, absl::string_view field) {
  const std::string mode = absl::StrCat(field, ".pid");
  const std::string target = absl::StrCat(field, ".target_id");
  if (!IsKnown(options.pid())) {
    return InvalidField(mode, absl::StrCat("unknown mode ", static_cast<int>(options.pid())));
  }
  if (options.pid() != cri::TARGET) {
    return options.target_id().empty() ? absl::OkStatus() : InvalidField(target, "is given, and pid is not TARGET");
  }
  if (!of_container) return InvalidField(mode, "TARGET is for a container that looks at another one, not for a pod");
  return options.target_id().empty() ? InvalidField(target, "is required with pid TARGET") : absl::OkStatus();
}

absl::Status CheckMapping(const google::protobuf::RepeatedPtrField<cri::IDMapping>& mappings,
                          const std::string& field) {
  if (mappings.size() != 1) {
    return InvalidField(field, absl::StrCat(mappings.size(), " mappings, and a pod's user namespace has exactly one"));
  }
  const cri::IDMapping& mapping = mappings[0];
  const std::string first = absl::StrCat(field, "[0]");
  if (mapping.length() == 0) return InvalidField(absl::StrCat(first, ".length"), "is 0");
  if (mapping.container_id() != 0) {
    return InvalidField(absl::StrCat(first, ".container_id"), "is not 0, so root of the container would be nobody");
  }
  if (uint64_t{mapping.host_id()} + mapping.length() > UINT32_MAX) {
    return InvalidField(absl::StrCat(first, ".length"), "goes past the last id there is");
  }
  return absl::OkStatus();
}

// An empty message has mode POD: it asks for a user namespace, and the answer to what cannot be given is an error.
absl::Status CheckUserNamespace(const cri::UserNamespace& options, const std::string& field) {
  const std::string mode = absl::StrCat(field, ".mode");
  if (options.mode() == cri::POD) {
    RETURN_IF_ERROR(CheckMapping(options.uids(), absl::StrCat(field, ".uids")));
    RETURN_IF_ERROR(CheckMapping(options.gids(), absl::StrCat(field, ".gids")));
    if (google::protobuf::util::MessageDifferencer::Equals(options.uids(0), options.gids(0))) return absl::OkStatus();
    return InvalidField(absl::StrCat(field, ".gids"), "is not the same mapping as uids");
  }
  if (options.mode() != cri::NODE)
    return InvalidField(mode, "a user namespace is the pod's (POD) or the node's (NODE)");
  if (options.uids_size() > 0)
    return InvalidField(absl::StrCat(field, ".uids"), "the node's user namespace has no map");
  if (options.gids_size() > 0)
    return InvalidField(absl::StrCat(field, ".gids"), "the node's user namespace has no map");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<json> SandboxNamespaces(bool cgroup_v2, const cri::PodSandboxConfig& pod,
                                       const std::string& netns_path) {
  json list = {New("mount"), New("pid")};
  if (HasOwnIpc(pod)) list.push_back(New("ipc"));
  if (HasOwnNetwork(pod)) list.push_back(New("uts"));
  if (HasUserNamespace(pod)) {
    // The network namespace must be made from inside: nobody in there could mount sysfs, or set a sysctl, in one that
    // belongs to the node's user namespace.
    RETURN_IF_ERROR(CheckPath("network", false, netns_path));
    list.push_back(New("user"));
    if (HasOwnNetwork(pod)) list.push_back(New("network"));
  } else {
    RETURN_IF_ERROR(CheckPath("network", HasOwnNetwork(pod), netns_path));
    if (HasOwnNetwork(pod)) list.push_back(Join("network", netns_path));
  }
  if (cgroup_v2) list.push_back(New("cgroup"));
  return list;
}

absl::StatusOr<json> ContainerNamespaces(bool cgroup_v2, const cri::PodSandboxConfig& pod,
                                         const cri::ContainerConfig& container, const PodNamespaces& namespaces) {
  RETURN_IF_ERROR(CheckPath("network", HasOwnNetwork(pod), namespaces.network));
  RETURN_IF_ERROR(CheckPath("uts", HasOwnNetwork(pod), namespaces.uts));
  RETURN_IF_ERROR(CheckPath("ipc", HasOwnIpc(pod), namespaces.ipc));
  RETURN_IF_ERROR(CheckPath("user", HasUserNamespace(pod), namespaces.user));
  json list = json::array({New("mount")});
  if (HasUserNamespace(pod)) list.push_back(Join("user", namespaces.user));
  RETURN_IF_ERROR(AddPid(PidMode(pod, container), namespaces.pid, list));
  if (HasOwnIpc(pod)) list.push_back(Join("ipc", namespaces.ipc));
  if (HasOwnNetwork(pod)) {
    list.push_back(Join("uts", namespaces.uts));
    list.push_back(Join("network", namespaces.network));
  }
  // A privileged container sees the node's hierarchy, as the node's own tools do.
  if (cgroup_v2 && !container.linux().security_context().privileged()) list.push_back(New("cgroup"));
  return list;
}

absl::Status CheckNamespaceOptions(const cri::NamespaceOption& options, bool of_container, absl::string_view field) {
  RETURN_IF_ERROR(CheckMode(options.network(), absl::StrCat(field, ".network")));
  RETURN_IF_ERROR(CheckPidMode(options, of_container, field));
  RETURN_IF_ERROR(CheckMode(options.ipc(), absl::StrCat(field, ".ipc")));
  if (!options.has_userns_options()) return absl::OkStatus();
  RETURN_IF_ERROR(CheckUserNamespace(options.userns_options(), absl::StrCat(field, ".userns_options")));
  if (options.userns_options().mode() != cri::POD) return absl::OkStatus();
  // What belongs to the node's user namespace cannot be used from another: /proc and /dev/mqueue could not be mounted.
  // With the node's network /sys could not either, but is bound (spec_mounts.cc).
  for (const auto& [name, mode] : {std::pair("pid", options.pid()), std::pair("ipc", options.ipc())}) {
    if (mode != cri::NODE) continue;
    return InvalidField(absl::StrCat(field, ".", name), "NODE cannot be had together with a user namespace");
  }
  return absl::OkStatus();
}

absl::Status CheckUserNamespaceSupport(const RuntimeFeatures& runtime, const cri::PodSandboxConfig& pod) {
  if (!HasUserNamespace(pod) || runtime.user_namespace) return absl::OkStatus();
  return InvalidField("config.linux.security_context.namespace_options.userns_options",
                      "the OCI runtime of this pod, or the node's kernel, cannot do user namespaces with idmapped "
                      "mounts; runc can from 1.2 on, Linux from 5.19 on");
}

bool HasUserNamespace(const cri::PodSandboxConfig& pod) {
  const cri::NamespaceOption& options = pod.linux().security_context().namespace_options();
  return options.has_userns_options() && options.userns_options().mode() == cri::POD;
}

json IdMappings(const google::protobuf::RepeatedPtrField<cri::IDMapping>& mappings) {
  json list = json::array();
  for (const cri::IDMapping& mapping : mappings) {
    list.push_back(
        {{"containerID", mapping.container_id()}, {"hostID", mapping.host_id()}, {"size", mapping.length()}});
  }
  return list;
}

void AddPodIdMappings(const cri::PodSandboxConfig& pod, json* linux_part) {
  if (!HasUserNamespace(pod)) return;
  const cri::UserNamespace& user = pod.linux().security_context().namespace_options().userns_options();
  (*linux_part)["uidMappings"] = IdMappings(user.uids());
  (*linux_part)["gidMappings"] = IdMappings(user.gids());
}

absl::Status CheckSameNamespaces(const cri::NamespaceOption& container, const cri::NamespaceOption& pod,
                                 absl::string_view field) {
  if (container.network() == cri::NODE && pod.network() != cri::NODE) {
    return InvalidField(absl::StrCat(field, ".network"), "asks for the host's network in a pod that has its own");
  }
  if (container.ipc() == cri::NODE && pod.ipc() != cri::NODE) {
    return InvalidField(absl::StrCat(field, ".ipc"), "asks for the host's IPC in a pod that has its own");
  }
  if (!container.has_userns_options()) return absl::OkStatus();
  const bool pod_has = pod.has_userns_options() && pod.userns_options().mode() == cri::POD;
  const bool asked = container.userns_options().mode() == cri::POD;
  const bool same = asked == pod_has && (!asked || google::protobuf::util::MessageDifferencer::Equals(
                                                       container.userns_options(), pod.userns_options()));
  if (same) return absl::OkStatus();
  return InvalidField(absl::StrCat(field, ".userns_options"), "is not that of the pod, which holds for its containers");
}

}  // namespace crisp
