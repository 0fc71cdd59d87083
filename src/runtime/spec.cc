#include "runtime/spec.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "runtime/field_error.h"
#include "runtime/message_check.h"
#include "runtime/pause_seccomp.h"
#include "runtime/profiles.h"
#include "runtime/seccomp_default.h"
#include "runtime/seccomp_profile.h"
#include "runtime/spec_mounts.h"
#include "runtime/spec_namespaces.h"
#include "runtime/spec_process.h"
#include "runtime/spec_resources.h"
#include "runtime/sysctls.h"

namespace crisp {
namespace {

using nlohmann::json;

constexpr const char* kOciVersion = "1.0.2";
// Its files can switch the machine's power limits, and tell one container of another's work (CVE-2020-8694).
constexpr const char* kPowercap = "/sys/devices/virtual/powercap";

absl::StatusOr<std::string> ToText(const json& value) {
  try {
    return value.dump();
  } catch (const json::exception&) {
    // Fields of the request are checked one by one; this is for strings of the image.
    return absl::InvalidArgumentError("the image's configuration has a string that is not UTF-8");
  }
}

absl::Status CheckImageText(const std::string& text, absl::string_view what) {
  if (text.find('\0') == std::string::npos) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the image's ", what, " has a NUL byte"));
}

// What an image says is as little trusted as the request, and has passed no check of fields.
absl::Status CheckImage(const ImageConfig& image) {
  RETURN_IF_ERROR(CheckImageText(image.working_dir, "working directory"));
  for (const std::string& text : image.entrypoint) RETURN_IF_ERROR(CheckImageText(text, "entrypoint"));
  for (const std::string& text : image.cmd) RETURN_IF_ERROR(CheckImageText(text, "cmd"));
  for (const std::string& text : image.env) RETURN_IF_ERROR(CheckImageText(text, "environment"));
  return absl::OkStatus();
}

// Our own and no others: annotations of a user must never reach a runtime that takes some for orders (CVE-2024-3154 of
// CRI-O). The names are those that tools look for.
json Annotations(const SpecContext& context, const cri::PodSandboxConfig& pod, const char* type) {
  return {{"io.kubernetes.cri.container-type", type},
          {"io.kubernetes.cri.sandbox-id", context.sandbox_id},
          {"io.kubernetes.cri.sandbox-name", pod.metadata().name()},
          {"io.kubernetes.cri.sandbox-namespace", pod.metadata().namespace_()},
          {"io.kubernetes.cri.sandbox-uid", pod.metadata().uid()}};
}

json MaskedPaths(const cri::LinuxContainerSecurityContext& security) {
  json paths = json::array();
  for (const std::string& path : security.masked_paths()) paths.push_back(path);
  if (!paths.empty()) paths.push_back(kPowercap);
  return paths;
}

json ReadonlyPaths(const cri::LinuxContainerSecurityContext& security) {
  json paths = json::array();
  for (const std::string& path : security.readonly_paths()) paths.push_back(path);
  return paths;
}

SeccompHost SeccompHostOf(const SpecContext& context, uint64_t capabilities) {
  return {capabilities, context.architecture, context.kernel_major, context.kernel_minor};
}

absl::StatusOr<json> LocalSeccomp(const SpecContext& context, uint64_t capabilities) {
  if (context.seccomp_profile.empty()) return absl::InternalError("the seccomp profile was not read");
  return ParseSeccompProfile(context.seccomp_profile, SeccompHostOf(context, capabilities));
}

absl::Status AddSeccomp(const SpecContext& context, const ProfileChoice& choice, bool pause, uint64_t capabilities,
                        json* linux_part) {
  if (choice.kind == ProfileChoice::Kind::kDefault) {
    (*linux_part)["seccomp"] = pause ? PauseSeccomp() : DefaultSeccomp(capabilities, context.architecture);
  }
  if (choice.kind == ProfileChoice::Kind::kLocalhost) {
    ASSIGN_OR_RETURN((*linux_part)["seccomp"], LocalSeccomp(context, capabilities), "seccomp profile ",
                     choice.localhost);
  }
  return absl::OkStatus();
}

void AddMountLabel(const SelinuxLabels& labels, json* linux_part) {
  if (!labels.file.empty()) (*linux_part)["mountLabel"] = labels.file;
}

json Hooks(const std::vector<CdiHook>& hooks) {
  json result = json::object();
  for (const CdiHook& hook : hooks) {
    json entry = {{"path", hook.path}};
    if (!hook.args.empty()) entry["args"] = hook.args;
    if (!hook.env.empty()) entry["env"] = hook.env;
    if (hook.timeout) entry["timeout"] = *hook.timeout;
    result[hook.name].push_back(std::move(entry));
  }
  return result;
}

absl::StatusOr<json> ContainerLinux(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                    const cri::ContainerConfig& container, const PodNamespaces& namespaces) {
  const cri::LinuxContainerSecurityContext& security = container.linux().security_context();
  json result = {{"cgroupsPath", CgroupsPath(context)}};
  ASSIGN_OR_RETURN(result["namespaces"], ContainerNamespaces(context, pod, container, namespaces));
  AddPodIdMappings(pod, &result);
  ASSIGN_OR_RETURN(result["resources"], ContainerResources(context, container.linux()));
  const std::string propagation = RootfsPropagation(container);
  if (!propagation.empty()) result["rootfsPropagation"] = propagation;
  const json devices = DeviceNodes(context, security.privileged());
  if (!devices.empty() || security.privileged()) result["devices"] = devices;
  AddMountLabel(ContainerLabels(context, pod, container), &result);
  ASSIGN_OR_RETURN(const ProfileChoice seccomp, EffectiveSeccomp(security, context.unset_seccomp_profile));
  ASSIGN_OR_RETURN(const CapabilitySets capabilities, CapabilitiesOf(context, security));
  RETURN_IF_ERROR(AddSeccomp(context, seccomp, /*pause=*/false, capabilities.bounding, &result));
  if (!security.privileged()) {
    result["maskedPaths"] = MaskedPaths(security);
    result["readonlyPaths"] = ReadonlyPaths(security);
  }
  return result;
}

absl::StatusOr<json> SandboxLinux(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                  const std::string& netns_path) {
  const cri::LinuxSandboxSecurityContext& security = pod.linux().security_context();
  json result = {{"cgroupsPath", CgroupsPath(context)}, {"resources", SandboxResources()}};
  ASSIGN_OR_RETURN(result["namespaces"], SandboxNamespaces(context, pod, netns_path));
  AddPodIdMappings(pod, &result);
  ASSIGN_OR_RETURN(auto sysctls, PodSysctls(pod));
  AddUnprivilegedSysctls(context.unprivileged_ports, context.unprivileged_icmp, pod, &sysctls);
  if (!sysctls.empty()) result["sysctl"] = sysctls;
  AddMountLabel(SandboxLabels(context, pod), &result);
  ASSIGN_OR_RETURN(const ProfileChoice seccomp, EffectiveSeccomp(security, context.unset_seccomp_profile));
  RETURN_IF_ERROR(AddSeccomp(context, seccomp, /*pause=*/true, 0, &result));
  return result;
}

void AddDefaultTerm(json* process) {
  json& env = (*process)["env"];
  for (const json& entry : env) {
    if (entry.is_string() && absl::StartsWith(entry.get_ref<const std::string&>(), "TERM=")) return;
  }
  env.push_back("TERM=xterm");
}

}  // namespace

absl::StatusOr<std::string> BuildSandboxSpec(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                             const ImageConfig& image, const std::string& netns_path) {
  RETURN_IF_ERROR(CheckSandboxConfig(pod));
  RETURN_IF_ERROR(CheckUserNamespaceSupport(context, pod));
  RETURN_IF_ERROR(CheckImage(image));
  RETURN_IF_ERROR(CheckCgroupParent(context));
  json spec = {{"ociVersion", kOciVersion},
               {"root", {{"path", "rootfs"}, {"readonly", true}}},
               {"mounts", SandboxMounts(context)},
               {"annotations", Annotations(context, pod, "sandbox")}};
  ASSIGN_OR_RETURN(spec["process"], SandboxProcess(context, pod, image));
  ASSIGN_OR_RETURN(spec["linux"], SandboxLinux(context, pod, netns_path));
  const bool own_uts = pod.linux().security_context().namespace_options().network() != cri::NODE;
  const std::string hostname = HostnameOf(context, pod);
  if (own_uts && !hostname.empty()) spec["hostname"] = hostname;
  return ToText(spec);
}

absl::StatusOr<std::string> BuildContainerSpec(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                               const cri::ContainerConfig& container, const ImageConfig& image,
                                               const PodNamespaces& namespaces, const ResolvedUser& user) {
  RETURN_IF_ERROR(CheckContainerConfig(container, pod));
  RETURN_IF_ERROR(CheckMountSupport(context, container));
  RETURN_IF_ERROR(CheckImage(image));
  RETURN_IF_ERROR(CheckCgroupParent(context));
  json spec = {{"ociVersion", kOciVersion},
               {"root", {{"path", "rootfs"}, {"readonly", container.linux().security_context().readonly_rootfs()}}},
               {"mounts", ContainerMounts(context, container)},
               {"annotations", Annotations(context, pod, "container")}};
  spec["annotations"]["io.kubernetes.cri.container-name"] = container.metadata().name();
  ASSIGN_OR_RETURN(spec["process"], ContainerProcess(context, pod, container, image, user));
  ASSIGN_OR_RETURN(spec["linux"], ContainerLinux(context, pod, container, namespaces));
  if (!context.cdi.hooks.empty()) spec["hooks"] = Hooks(context.cdi.hooks);
  return ToText(spec);
}

absl::StatusOr<std::string> BuildExecProcess(absl::string_view container_spec, const std::vector<std::string>& command,
                                             bool terminal) {
  if (command.empty() || command[0].empty()) return InvalidField("cmd", "no command specified");
  for (size_t i = 0; i < command.size(); ++i) {
    const std::string field = absl::StrCat("cmd[", i, "]");
    if (command[i].find('\0') != std::string::npos) return InvalidField(field, "has a NUL byte");
    if (!IsUtf8(command[i])) return InvalidField(field, "is not UTF-8, which the OCI runtime cannot be given");
  }
  const json spec = json::parse(container_spec.begin(), container_spec.end(), nullptr, /*allow_exceptions=*/false);
  if (!spec.is_object() || !spec.contains("process") || !spec["process"].is_object()) {
    return absl::InternalError("the container's OCI spec has no process: it is damaged");
  }
  json process = spec["process"];
  process["args"] = command;
  process["terminal"] = terminal;
  if (terminal) AddDefaultTerm(&process);
  return ToText(process);
}

}  // namespace crisp
