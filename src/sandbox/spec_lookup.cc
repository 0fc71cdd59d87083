#include "sandbox/spec_lookup.h"

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/mount_info.h"
#include "os/relabel.h"
#include "runtime/apparmor.h"
#include "runtime/cdi_files.h"
#include "runtime/devices.h"
#include "runtime/field_error.h"
#include "runtime/host.h"
#include "runtime/profiles.h"
#include "runtime/seccomp_profile.h"
#include "runtime/selinux.h"

namespace crisp {
namespace {

using Kind = ProfileChoice::Kind;

// On a node without AppArmor the spec builder has the last word.
absl::Status CheckLoaded(const ProfileChoice& apparmor, const SpecContext& context) {
  if (apparmor.kind != Kind::kLocalhost || !context.host.apparmor) return absl::OkStatus();
  ASSIGN_OR_RETURN(const bool loaded, IsApparmorProfileLoaded(apparmor.localhost));
  if (loaded) return absl::OkStatus();
  return InvalidField(
      "config.linux.security_context.apparmor",
      absl::StrCat("profile \"", apparmor.localhost, "\" is not loaded on this node; load it with apparmor_parser"));
}

template <typename Context>
absl::Status LookUp(const Context& security, SpecContext* context) {
  ASSIGN_OR_RETURN(const ProfileChoice seccomp, EffectiveSeccomp(security, context->host.unset_seccomp_profile));
  if (seccomp.kind == Kind::kLocalhost) {
    ASSIGN_OR_RETURN(context->container.seccomp_profile, ReadSeccompProfile(seccomp.localhost));
  }
  ASSIGN_OR_RETURN(const ProfileChoice apparmor, ApparmorOf(security));
  return CheckLoaded(apparmor, *context);
}

absl::Status LookUpHostDevices(const HandlerOptions& handler, SpecContext* context) {
  if (handler.privileged_without_host_devices) {
    context->container.all_devices_allowed = handler.privileged_without_host_devices_all_devices_allowed;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(context->container.host_devices, HostDevices());
  return absl::OkStatus();
}

absl::Status LookUpCdi(const cri::ContainerConfig& container, const SecurityOptions& options, SpecContext* context) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, CdiNamesOf(container));
  if (names.empty()) return absl::OkStatus();
  if (!options.enable_cdi) {
    return InvalidField("config.CDI_devices", "CDI is switched off in the configuration (enable_cdi)");
  }
  ASSIGN_OR_RETURN(context->container.cdi, FindCdiDevices(options.cdi_spec_dirs, names));
  return absl::OkStatus();
}

}  // namespace

absl::Status LookUpConfinement(const cri::LinuxContainerSecurityContext& security, SpecContext* context) {
  return security.privileged() ? absl::OkStatus() : LookUp(security, context);
}

absl::Status LookUpConfinement(const cri::LinuxSandboxSecurityContext& security, SpecContext* context) {
  return LookUp(security, context);
}

absl::Status LookUpDevices(const cri::ContainerConfig& container, const ResolvedUser& user,
                           const SecurityOptions& options, const HandlerOptions& handler, SpecContext* context) {
  if (container.linux().security_context().privileged()) RETURN_IF_ERROR(LookUpHostDevices(handler, context));
  for (int i = 0; i < container.devices_size(); ++i) {
    ASSIGN_OR_RETURN(const std::vector<ContainerDevice> found,
                     FindDevices(container.devices(i), absl::StrCat("config.devices[", i, "]")));
    context->container.devices.insert(context->container.devices.end(), found.begin(), found.end());
  }
  if (options.device_ownership_from_security_context && user.uid != 0) {
    for (ContainerDevice& device : context->container.devices) {
      device.node.uid = user.uid;
      device.node.gid = user.gid;
    }
  }
  return LookUpCdi(container, options, context);
}

absl::StatusOr<std::string> ResolveHostPath(const std::string& path) {
  char* resolved = realpath(path.c_str(), nullptr);
  if (resolved == nullptr && errno == ENOENT) {
    RETURN_IF_ERROR(MakeDirs(path, 0755));
    resolved = realpath(path.c_str(), nullptr);
  }
  if (resolved == nullptr) return ErrnoStatus(errno, absl::StrCat("find host path ", path));
  std::string result = resolved;
  free(resolved);
  return result;
}

absl::Status RelabelMounts(const cri::ContainerConfig& container, const std::string& label, const CallContext& call) {
  if (label.empty()) return absl::OkStatus();
  for (int i = 0; i < container.mounts_size(); ++i) {
    const cri::Mount& mount = container.mounts(i);
    if (!mount.selinux_relabel()) continue;
    RETURN_IF_ERROR(CheckRelabel(mount.host_path(), absl::StrCat("config.mounts[", i, "].selinux_relabel")));
    RETURN_IF_ERROR(RelabelTree(mount.host_path(), label, call), "relabel mount ", mount.container_path());
  }
  return absl::OkStatus();
}

absl::Status CheckPropagation(const cri::Mount& mount, const std::string& field) {
  if (mount.propagation() == cri::PROPAGATION_PRIVATE) return absl::OkStatus();
  ASSIGN_OR_RETURN(const MountInfo info, MountOf(mount.host_path()));
  const bool both_ways = mount.propagation() == cri::PROPAGATION_BIDIRECTIONAL;
  if (info.shared || (info.slave && !both_ways)) return absl::OkStatus();
  return InvalidField(absl::StrCat(field, ".propagation"),
                      absl::StrCat(mount.host_path(), " is on the mount ", info.mount_point, ", which is not shared",
                                   both_ways ? "" : " and not a slave", ": make it so with mount --make-rshared"));
}

}  // namespace crisp
