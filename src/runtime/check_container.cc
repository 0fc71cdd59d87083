#include "runtime/check_container.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "os/path.h"
#include "runtime/capabilities.h"
#include "runtime/cdi_files.h"
#include "runtime/check_security.h"
#include "runtime/devices.h"
#include "runtime/field_error.h"
#include "runtime/message_check.h"
#include "runtime/profiles.h"
#include "runtime/selinux.h"
#include "runtime/spec_namespaces.h"
#include "runtime/spec_resources.h"

namespace crisp {
namespace {

constexpr const char* kContext = "config.linux.security_context";
constexpr size_t kMaxPath = 4096;  // PATH_MAX

absl::Status CheckAbsolute(const std::string& path, const std::string& field) {
  if (path.empty()) return InvalidField(field, "is required");
  if (!absl::StartsWith(path, "/")) return InvalidField(field, absl::StrCat("\"", path, "\" is not an absolute path"));
  if (path.size() > kMaxPath) return InvalidField(field, absl::StrCat(path.size(), " bytes is too long for a path"));
  return absl::OkStatus();
}

bool HasDotDot(absl::string_view path) {
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    if (part == "..") return true;
  }
  return false;
}

// It is joined to the pod's log directory, and must stay there.
absl::Status CheckLogPath(const std::string& path) {
  constexpr const char* kField = "config.log_path";
  if (absl::StartsWith(path, "/"))
    return InvalidField(kField, "is absolute; it is relative to the pod's log_directory");
  if (HasDotDot(path)) return InvalidField(kField, "has a component \"..\"");
  if (path.size() > kMaxPath) return InvalidField(kField, absl::StrCat(path.size(), " bytes is too long for a path"));
  return absl::OkStatus();
}

absl::Status CheckEnvs(const cri::ContainerConfig& container) {
  for (int i = 0; i < container.envs_size(); ++i) {
    const std::string field = absl::StrCat("config.envs[", i, "].key");
    const std::string& key = container.envs(i).key();
    if (key.empty()) return InvalidField(field, "is required");
    if (absl::StrContains(key, '=')) return InvalidField(field, "has a \"=\"");
    const bool home = key == "HOME";
    if (home && HasControlCharacter(container.envs(i).value())) {
      return InvalidField(absl::StrCat("config.envs[", i, "].value"), "a home directory with a control character");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRecursiveReadonly(const cri::Mount& mount, const std::string& field) {
  if (!mount.recursive_read_only()) return absl::OkStatus();
  const std::string name = absl::StrCat(field, ".recursive_read_only");
  if (!mount.readonly()) return InvalidField(name, "needs readonly");
  if (mount.propagation() != cri::PROPAGATION_PRIVATE) return InvalidField(name, "needs propagation PRIVATE");
  return absl::OkStatus();
}

absl::Status CheckMappings(const google::protobuf::RepeatedPtrField<cri::IDMapping>& mappings,
                           const std::string& field) {
  for (int i = 0; i < mappings.size(); ++i) {
    const std::string length = absl::StrCat(field, "[", i, "].length");
    const uint64_t last = uint64_t{mappings[i].length()} + std::max(mappings[i].host_id(), mappings[i].container_id());
    if (mappings[i].length() == 0) return InvalidField(length, "is 0");
    if (last > UINT32_MAX) return InvalidField(length, "goes past the last id there is");
  }
  return absl::OkStatus();
}

// What is in an image comes from it as it is: nothing of the host is mounted, and nothing is written.
absl::Status CheckImageMount(const cri::Mount& mount, const std::string& field) {
  if (mount.image().image().empty()) return InvalidField(absl::StrCat(field, ".image.image"), "is required");
  if (!mount.host_path().empty()) return InvalidField(absl::StrCat(field, ".host_path"), "is given beside an image");
  if (mount.propagation() != cri::PROPAGATION_PRIVATE) {
    return InvalidField(absl::StrCat(field, ".propagation"), "an image is mounted with PRIVATE");
  }
  const std::string sub_path = absl::StrCat(field, ".image_sub_path");
  if (absl::StartsWith(mount.image_sub_path(), "/")) return InvalidField(sub_path, "is absolute");
  if (HasDotDot(mount.image_sub_path())) return InvalidField(sub_path, "has a component \"..\"");
  if (mount.image_sub_path().size() > kMaxPath) return InvalidField(sub_path, "is too long for a path");
  return absl::OkStatus();
}

absl::Status CheckMount(const cri::Mount& mount, const std::string& field) {
  const std::string container_path = absl::StrCat(field, ".container_path");
  RETURN_IF_ERROR(CheckAbsolute(mount.container_path(), container_path));
  if (LexicallyNormalPath(mount.container_path()) == "/") {
    return InvalidField(container_path, "nothing can be mounted over the root");
  }
  if (mount.has_image()) {
    RETURN_IF_ERROR(CheckImageMount(mount, field));
  } else {
    RETURN_IF_ERROR(CheckAbsolute(mount.host_path(), absl::StrCat(field, ".host_path")));
    if (!mount.image_sub_path().empty()) return InvalidField(absl::StrCat(field, ".image_sub_path"), "needs an image");
  }
  if (!cri::MountPropagation_IsValid(mount.propagation())) {
    return InvalidField(absl::StrCat(field, ".propagation"),
                        absl::StrCat("unknown propagation ", static_cast<int>(mount.propagation())));
  }
  RETURN_IF_ERROR(CheckMappings(mount.uidmappings(), absl::StrCat(field, ".uidMappings")));
  RETURN_IF_ERROR(CheckMappings(mount.gidmappings(), absl::StrCat(field, ".gidMappings")));
  if (mount.uidmappings().empty() != mount.gidmappings().empty()) {
    return InvalidField(absl::StrCat(field, ".gidMappings"), "uidMappings and gidMappings go together");
  }
  return CheckRecursiveReadonly(mount, field);
}

absl::Status CheckDevices(const cri::ContainerConfig& container) {
  for (int i = 0; i < container.devices_size(); ++i) {
    RETURN_IF_ERROR(CheckDevice(container.devices(i), absl::StrCat("config.devices[", i, "]")));
  }
  return CdiNamesOf(container).status();
}

absl::Status CheckUser(const cri::LinuxContainerSecurityContext& security) {
  const bool named = !security.run_as_username().empty();
  if (HasControlCharacter(security.run_as_username())) {
    return InvalidField(absl::StrCat(kContext, ".run_as_username"), "has a control character");
  }
  if (security.has_run_as_user()) {
    if (named) {
      return InvalidField(absl::StrCat(kContext, ".run_as_username"), "run_as_user is given as well; give one of them");
    }
    RETURN_IF_ERROR(CheckId(security.run_as_user().value(), absl::StrCat(kContext, ".run_as_user")));
  }
  if (security.has_run_as_group()) {
    const std::string field = absl::StrCat(kContext, ".run_as_group");
    if (!named && !security.has_run_as_user())
      return InvalidField(field, "a group without run_as_user or run_as_username");
    RETURN_IF_ERROR(CheckId(security.run_as_group().value(), field));
  }
  return CheckGroups(security.supplemental_groups(), security.supplemental_groups_policy(), kContext);
}

absl::Status CheckPaths(const google::protobuf::RepeatedPtrField<std::string>& paths, absl::string_view name) {
  for (int i = 0; i < paths.size(); ++i) {
    RETURN_IF_ERROR(CheckAbsolute(paths[i], absl::StrCat(kContext, ".", name, "[", i, "]")));
  }
  return absl::OkStatus();
}

// What privileged switches off. The names must be right all the same where they can be judged.
absl::Status CheckConfinement(const cri::LinuxContainerSecurityContext& security) {
  RETURN_IF_ERROR(SeccompOf(security));
  RETURN_IF_ERROR(ApparmorOf(security));
  RETURN_IF_ERROR(CheckSelinux(security.selinux_options(), absl::StrCat(kContext, ".selinux_options")));
  // What the daemon itself lacks is not known here; it is refused when the spec is built.
  return ContainerCapabilities(security.capabilities(), ~uint64_t{0}).status();
}

absl::Status CheckSecurity(const cri::LinuxContainerSecurityContext& security,
                           const cri::LinuxSandboxSecurityContext& pod) {
  if (security.privileged() && !pod.privileged()) {
    return InvalidField(absl::StrCat(kContext, ".privileged"),
                        "the pod of a privileged container must be privileged too");
  }
  const std::string namespaces = absl::StrCat(kContext, ".namespace_options");
  RETURN_IF_ERROR(CheckNamespaceOptions(security.namespace_options(), /*of_container=*/true, namespaces));
  RETURN_IF_ERROR(CheckSameNamespaces(security.namespace_options(), pod.namespace_options(), namespaces));
  RETURN_IF_ERROR(CheckUser(security));
  RETURN_IF_ERROR(CheckPaths(security.masked_paths(), "masked_paths"));
  RETURN_IF_ERROR(CheckPaths(security.readonly_paths(), "readonly_paths"));
  return security.privileged() ? absl::OkStatus() : CheckConfinement(security);
}

absl::Status CheckStopSignal(cri::Signal signal) {
  if (cri::Signal_IsValid(signal)) return absl::OkStatus();
  return InvalidField("config.stop_signal", absl::StrCat("unknown signal ", static_cast<int>(signal)));
}

}  // namespace

// labels, annotations and log_path ask nothing of the OCI runtime; stop_signal is sandbox/'s to honour.
absl::Status CheckContainerConfig(const cri::ContainerConfig& container, const cri::PodSandboxConfig& pod) {
  RETURN_IF_ERROR(CheckStrings(container, "config"));
  RETURN_IF_ERROR(CheckName(container.metadata().name(), "config.metadata.name"));
  if (container.image().image().empty()) return InvalidField("config.image.image", "is required");
  if (!container.working_dir().empty()) {
    RETURN_IF_ERROR(CheckAbsolute(container.working_dir(), "config.working_dir"));
  }
  RETURN_IF_ERROR(CheckLogPath(container.log_path()));
  RETURN_IF_ERROR(CheckEnvs(container));
  for (int i = 0; i < container.mounts_size(); ++i) {
    RETURN_IF_ERROR(CheckMount(container.mounts(i), absl::StrCat("config.mounts[", i, "]")));
  }
  RETURN_IF_ERROR(CheckDevices(container));
  RETURN_IF_ERROR(CheckStopSignal(container.stop_signal()));
  if (container.has_windows()) return InvalidField("config.windows", "crisp runs Linux containers");
  RETURN_IF_ERROR(CheckResources(container.linux().resources(), "config.linux.resources"));
  return CheckSecurity(container.linux().security_context(), pod.linux().security_context());
}

}  // namespace crisp
