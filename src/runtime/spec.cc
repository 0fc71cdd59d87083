#include "runtime/spec.h"

#include <fnmatch.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "runtime/cgroups_path.h"
#include "runtime/check_container.h"
#include "runtime/check_sandbox.h"
#include "runtime/pause_seccomp.h"
#include "runtime/profiles.h"
#include "runtime/seccomp_default.h"
#include "runtime/seccomp_profile.h"
#include "runtime/selinux.h"
#include "runtime/spec_devices.h"
#include "runtime/spec_mounts.h"
#include "runtime/spec_namespaces.h"
#include "runtime/spec_paths.h"
#include "runtime/spec_process.h"
#include "runtime/spec_resources.h"
#include "runtime/sysctls.h"

namespace crisp {
namespace {

using nlohmann::json;

constexpr const char* kOciVersion = "1.0.2";

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

// Our own. Annotations of a user must not reach a runtime that takes some for orders (CVE-2024-3154 of CRI-O), but for
// those that the configuration names (AddPassed). The names are those that tools look for in containerd's specs.
json Annotations(const std::string& pod_id, const cri::PodSandboxConfig& pod, const char* type) {
  return {{"io.kubernetes.cri.container-type", type},
          {"io.kubernetes.cri.sandbox-id", pod_id},
          {"io.kubernetes.cri.sandbox-name", pod.metadata().name()},
          {"io.kubernetes.cri.sandbox-namespace", pod.metadata().namespace_()},
          {"io.kubernetes.cri.sandbox-uid", pod.metadata().uid()}};
}

// Adds those of `annotations` that one of `names` fits. None of our own is replaced.
void AddPassed(const google::protobuf::Map<std::string, std::string>& annotations,
               const std::vector<std::string>& names, json* to) {
  for (const auto& [key, value] : annotations) {
    const auto fits = [&key = key](const std::string& name) {
      return fnmatch(name.c_str(), key.c_str(), FNM_PATHNAME) == 0;
    };
    if (std::any_of(names.begin(), names.end(), fits)) to->emplace(key, value);
  }
}

json ContainerAnnotations(const SpecContext& context, const cri::PodSandboxConfig& pod,
                          const cri::ContainerConfig& container) {
  json annotations = Annotations(context.pod.id, pod, "container");
  annotations["io.kubernetes.cri.container-name"] = container.metadata().name();
  annotations["io.kubernetes.cri.image-name"] = context.container.image_name;
  AddPassed(container.annotations(), context.handler.container_annotations, &annotations);
  AddPassed(pod.annotations(), context.handler.pod_annotations, &annotations);
  return annotations;
}

// The limits of the whole pod are for runtimes that make a virtual machine of it.
json SandboxAnnotations(const SpecContext& context, const cri::PodSandboxConfig& pod) {
  json annotations = Annotations(context.pod.id, pod, "sandbox");
  annotations["io.kubernetes.cri.sandbox-log-directory"] = pod.log_directory();
  annotations["io.kubernetes.cri.podsandbox.image-name"] = context.container.image_name;
  AddPassed(pod.annotations(), context.handler.pod_annotations, &annotations);
  if (!pod.linux().has_resources()) return annotations;
  const cri::LinuxContainerResources& limits = pod.linux().resources();
  annotations["io.kubernetes.cri.sandbox-cpu-period"] = absl::StrCat(limits.cpu_period());
  annotations["io.kubernetes.cri.sandbox-cpu-quota"] = absl::StrCat(limits.cpu_quota());
  annotations["io.kubernetes.cri.sandbox-cpu-shares"] = absl::StrCat(limits.cpu_shares());
  annotations["io.kubernetes.cri.sandbox-memory"] = absl::StrCat(limits.memory_limit_in_bytes());
  return annotations;
}

// `profile` is the text of a profile that is named by its path.
absl::StatusOr<json> LocalSeccomp(const HostFacts& host, const std::string& profile, uint64_t capabilities) {
  if (profile.empty()) return absl::InternalError("the seccomp profile was not read");
  return ParseSeccompProfile(profile, {capabilities, host.architecture, host.kernel_major, host.kernel_minor});
}

absl::Status AddContainerSeccomp(const HostFacts& host, const std::string& profile,
                                 const cri::LinuxContainerSecurityContext& security, json* linux_part) {
  ASSIGN_OR_RETURN(const ProfileChoice choice, EffectiveSeccomp(security, host.unset_seccomp_profile));
  ASSIGN_OR_RETURN(const CapabilitySets capabilities, CapabilitiesOf(host.capabilities, security));
  if (choice.kind == ProfileChoice::Kind::kDefault) {
    (*linux_part)["seccomp"] = DefaultSeccomp(capabilities.bounding, host.architecture);
  } else if (choice.kind == ProfileChoice::Kind::kLocalhost) {
    ASSIGN_OR_RETURN((*linux_part)["seccomp"], LocalSeccomp(host, profile, capabilities.bounding), "seccomp profile ",
                     choice.localhost);
  }
  return absl::OkStatus();
}

// A pause container has no capabilities.
absl::Status AddSandboxSeccomp(const HostFacts& host, const std::string& profile,
                               const cri::LinuxSandboxSecurityContext& security, json* linux_part) {
  ASSIGN_OR_RETURN(const ProfileChoice choice, EffectiveSeccomp(security, host.unset_seccomp_profile));
  if (choice.kind == ProfileChoice::Kind::kDefault) {
    (*linux_part)["seccomp"] = PauseSeccomp();
  } else if (choice.kind == ProfileChoice::Kind::kLocalhost) {
    ASSIGN_OR_RETURN((*linux_part)["seccomp"], LocalSeccomp(host, profile, 0), "seccomp profile ", choice.localhost);
  }
  return absl::OkStatus();
}

void AddLabels(const SelinuxLabels& labels, json* spec) {
  if (!labels.process.empty()) (*spec)["process"]["selinuxLabel"] = labels.process;
  if (!labels.file.empty()) (*spec)["linux"]["mountLabel"] = labels.file;
}

SelinuxLabels SandboxLabels(const SpecContext& context, const cri::PodSandboxConfig& pod) {
  const cri::SELinuxOption& options = pod.linux().security_context().selinux_options();
  return LabelsFor(context.host.selinux, options, context.pod.selinux_level, /*privileged=*/false);
}

// Those of `base`, whose text has been checked when it was read (base_spec.h), then those of devices.
void AddHooks(const BaseSpec& base, const std::vector<CdiHook>& hooks, json* spec) {
  json result = base.hooks.empty() ? json::object() : json::parse(base.hooks);
  for (const CdiHook& hook : hooks) {
    json entry = {{"path", hook.path}};
    if (!hook.args.empty()) entry["args"] = hook.args;
    if (!hook.env.empty()) entry["env"] = hook.env;
    if (hook.timeout) entry["timeout"] = *hook.timeout;
    result[hook.name].push_back(std::move(entry));
  }
  if (!result.empty()) (*spec)["hooks"] = std::move(result);
}

std::string CgroupsPathOf(const SpecContext& context) {
  return CgroupsPath(context.handler.systemd_cgroup, context.pod.cgroup_parent, context.container.id);
}

absl::StatusOr<json> ContainerLinux(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                    const cri::ContainerConfig& container, const PodNamespaces& namespaces,
                                    const ResolvedUser& user) {
  const cri::LinuxContainerSecurityContext& security = container.linux().security_context();
  json result = {{"cgroupsPath", CgroupsPathOf(context)}};
  ASSIGN_OR_RETURN(result["namespaces"], ContainerNamespaces(context.host.cgroup_v2, pod, container, namespaces));
  AddPodIdMappings(pod, &result);
  ASSIGN_OR_RETURN(result["resources"], ContainerResources(context.host, context.container, container.linux()));
  const std::string propagation = RootfsPropagation(container);
  if (!propagation.empty()) result["rootfsPropagation"] = propagation;
  const json devices = DeviceNodes(context.container, user, security.privileged());
  if (!devices.empty() || security.privileged()) result["devices"] = devices;
  RETURN_IF_ERROR(AddContainerSeccomp(context.host, context.container.seccomp_profile, security, &result));
  if (!security.privileged()) {
    result["maskedPaths"] = MaskedPaths(context.host, security);
    result["readonlyPaths"] = ReadonlyPaths(context.host, security);
  }
  return result;
}

absl::StatusOr<json> SandboxLinux(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                  const std::string& netns_path) {
  const cri::LinuxSandboxSecurityContext& security = pod.linux().security_context();
  json result = {{"cgroupsPath", CgroupsPathOf(context)}, {"resources", SandboxResources()}};
  ASSIGN_OR_RETURN(result["namespaces"], SandboxNamespaces(context.host.cgroup_v2, pod, netns_path));
  AddPodIdMappings(pod, &result);
  ASSIGN_OR_RETURN(auto sysctls, PodSysctls(pod));
  AddUnprivilegedSysctls(context.host.unprivileged_ports, context.host.unprivileged_icmp, pod, &sysctls);
  if (!sysctls.empty()) result["sysctl"] = sysctls;
  RETURN_IF_ERROR(AddSandboxSeccomp(context.host, context.container.seccomp_profile, security, &result));
  return result;
}

}  // namespace

SelinuxLabels ContainerLabels(const SpecContext& context, const cri::PodSandboxConfig& pod,
                              const cri::ContainerConfig& container) {
  const cri::LinuxContainerSecurityContext& security = container.linux().security_context();
  const cri::SELinuxOption& own = security.selinux_options();
  const bool asked = !own.user().empty() || !own.role().empty() || !own.type().empty() || !own.level().empty();
  const cri::SELinuxOption& options = asked ? own : pod.linux().security_context().selinux_options();
  return LabelsFor(context.host.selinux, options, context.pod.selinux_level, security.privileged());
}

absl::StatusOr<std::string> BuildSandboxSpec(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                             const ImageConfig& image, const std::string& netns_path) {
  RETURN_IF_ERROR(CheckSandboxConfig(pod));
  RETURN_IF_ERROR(CheckUserNamespaceSupport(context.handler.runtime, pod));
  RETURN_IF_ERROR(CheckImage(image));
  RETURN_IF_ERROR(CheckCgroupParent(context.handler.systemd_cgroup, context.pod.cgroup_parent));
  json spec = {{"ociVersion", kOciVersion},
               {"root", {{"path", "rootfs"}, {"readonly", true}}},
               {"mounts", SandboxMounts(context.pod.shm)},
               {"annotations", SandboxAnnotations(context, pod)}};
  ASSIGN_OR_RETURN(spec["process"], SandboxProcess(context.host, pod, image));
  ASSIGN_OR_RETURN(spec["linux"], SandboxLinux(context, pod, netns_path));
  AddLabels(SandboxLabels(context, pod), &spec);
  const bool own_uts = pod.linux().security_context().namespace_options().network() != cri::NODE;
  const std::string hostname = HostnameOf(context.host, pod);
  if (own_uts && !hostname.empty()) spec["hostname"] = hostname;
  AddHooks(context.handler.base, {}, &spec);
  return ToText(spec);
}

absl::StatusOr<std::string> BuildContainerSpec(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                               const cri::ContainerConfig& container, const ImageConfig& image,
                                               const PodNamespaces& namespaces, const ResolvedUser& user) {
  RETURN_IF_ERROR(CheckContainerConfig(container, pod));
  RETURN_IF_ERROR(CheckMountSupport(context.handler.runtime, container));
  RETURN_IF_ERROR(CheckImage(image));
  RETURN_IF_ERROR(CheckCgroupParent(context.handler.systemd_cgroup, context.pod.cgroup_parent));
  // With a cgroup namespace of its own (v2), a writable cgroup lets the container divide only what it has itself.
  const bool cgroup_writable = context.handler.cgroup_writable && context.host.cgroup_v2;
  json spec = {{"ociVersion", kOciVersion},
               {"root", {{"path", "rootfs"}, {"readonly", container.linux().security_context().readonly_rootfs()}}},
               {"mounts", ContainerMounts(cgroup_writable, context.pod, pod, context.container, container)},
               {"annotations", ContainerAnnotations(context, pod, container)}};
  ASSIGN_OR_RETURN(spec["process"], ContainerProcess(context.host, context.container.cdi, pod, container, image, user));
  ASSIGN_OR_RETURN(spec["linux"], ContainerLinux(context, pod, container, namespaces, user));
  AddLabels(ContainerLabels(context, pod, container), &spec);
  if (!context.handler.base.rlimits.empty()) spec["process"]["rlimits"] = json::parse(context.handler.base.rlimits);
  AddHooks(context.handler.base, context.container.cdi.hooks, &spec);
  return ToText(spec);
}

}  // namespace crisp
