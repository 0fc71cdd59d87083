#include "runtime/spec_mounts.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/path.h"
#include "runtime/field_error.h"
#include "runtime/spec_namespaces.h"

namespace crisp {
namespace {

using nlohmann::json;

constexpr const char* kShm = "/dev/shm";

struct SpecMount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
  json uid_mappings = json::array();  // none: owners are as they are
  json gid_mappings = json::array();
};

json ToJson(const SpecMount& mount) {
  json result = {
      {"destination", mount.destination}, {"type", mount.type}, {"source", mount.source}, {"options", mount.options}};
  if (!mount.uid_mappings.empty()) result["uidMappings"] = mount.uid_mappings;
  if (!mount.gid_mappings.empty()) result["gidMappings"] = mount.gid_mappings;
  return result;
}

json ToJson(const std::vector<SpecMount>& mounts) {
  json array = json::array();
  for (const SpecMount& mount : mounts) array.push_back(ToJson(mount));
  return array;
}

SpecMount Bind(const std::string& source, const std::string& destination, bool readonly,
               const std::string& propagation = "rprivate") {
  SpecMount mount;
  mount.destination = destination;
  mount.type = "bind";
  mount.source = source;
  mount.options = {"rbind", propagation, readonly ? "ro" : "rw"};
  return mount;
}

SpecMount Kernel(const char* destination, const char* type, std::vector<std::string> options) {
  SpecMount mount;
  mount.destination = destination;
  mount.type = type;
  mount.source = type;
  mount.options = std::move(options);
  return mount;
}

SpecMount Proc() {
  return Kernel("/proc", "proc", {"nosuid", "noexec", "nodev"});
}
SpecMount Dev() {
  return Kernel("/dev", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"});
}

// Only a user namespace that owns the network namespace may mount sysfs. Without one the node's is bound, with all that
// is mounted there read-only.
SpecMount Sys(const cri::PodSandboxConfig& pod, bool privileged) {
  const bool host_network = pod.linux().security_context().namespace_options().network() == cri::NODE;
  if (!host_network || !HasUserNamespace(pod)) {
    return Kernel("/sys", "sysfs", {"nosuid", "noexec", "nodev", privileged ? "rw" : "ro"});
  }
  SpecMount mount = Bind("/sys", "/sys", true);
  mount.options.insert(mount.options.end(), {"rro", "nosuid", "noexec", "nodev"});
  return mount;
}

// The file systems of runtime-spec config-linux.md, "Default Filesystems", and those that every CRI server adds.
std::vector<SpecMount> KernelMounts(bool cgroup_writable, const cri::PodSandboxConfig& pod, bool privileged) {
  const std::string cgroup_access = privileged || cgroup_writable ? "rw" : "ro";
  // gid 5 is tty, in every distribution that has one.
  return {Proc(),
          Dev(),
          Kernel("/dev/pts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
          Kernel("/dev/mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
          Sys(pod, privileged),
          Kernel("/sys/fs/cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", cgroup_access})};
}

std::vector<SpecMount> PodMounts(const PodContext& pod, bool readonly_rootfs) {
  std::vector<SpecMount> mounts;
  const auto add = [&](const std::string& source, const std::string& destination, bool readonly) {
    if (!source.empty()) mounts.push_back(Bind(source, destination, readonly));
  };
  add(pod.shm, kShm, false);
  // Files of the root file system to whoever looks, so as writable as it is.
  add(pod.resolv_conf, "/etc/resolv.conf", readonly_rootfs);
  add(pod.hostname_file, "/etc/hostname", readonly_rootfs);
  add(pod.hosts, "/etc/hosts", readonly_rootfs);
  return mounts;
}

std::string PropagationOption(cri::MountPropagation propagation) {
  if (propagation == cri::PROPAGATION_BIDIRECTIONAL) return "rshared";
  if (propagation == cri::PROPAGATION_HOST_TO_CONTAINER) return "rslave";
  return "rprivate";
}

SpecMount Configured(const cri::Mount& mount) {
  SpecMount result = Bind(mount.host_path(), LexicallyNormalPath(mount.container_path()), mount.readonly(),
                          PropagationOption(mount.propagation()));
  if (mount.recursive_read_only()) result.options.push_back("rro");
  result.uid_mappings = IdMappings(mount.uidmappings());
  result.gid_mappings = IdMappings(mount.gidmappings());
  return result;
}

SpecMount FromVendor(const CdiMount& mount) {
  SpecMount result;
  result.destination = LexicallyNormalPath(mount.container_path);
  result.type = mount.type.empty() ? "bind" : mount.type;
  result.source = mount.host_path;
  result.options = mount.options;
  const auto is_bind = [](const std::string& option) { return option == "bind" || option == "rbind"; };
  if (result.type == "bind" && std::none_of(result.options.begin(), result.options.end(), is_bind)) {
    result.options.push_back("rbind");
  }
  return result;
}

// Later ones lie on earlier ones at the same place: what the pod asks for on what the image declares.
std::vector<SpecMount> ConfiguredMounts(const ContainerContext& context, const cri::ContainerConfig& container) {
  std::vector<SpecMount> mounts;
  for (const ImageVolume& volume : context.volumes) {
    mounts.push_back(Bind(volume.host_path, LexicallyNormalPath(volume.container_path), false));
  }
  for (const CdiMount& mount : context.cdi.mounts) mounts.push_back(FromVendor(mount));
  for (const cri::Mount& mount : container.mounts()) mounts.push_back(Configured(mount));
  return mounts;
}

// A default mount gives way to one that the configuration has at the same place, and those below /dev, /proc and /sys
// to one of the whole: who brings the host's /dev brings its /dev/pts too. But /dev/shm stays the pod's, which its
// containers share.
bool GivesWay(const SpecMount& mount, const std::set<std::string>& configured) {
  if (configured.count(mount.destination) > 0) return true;
  if (mount.destination == kShm) return false;
  for (const char* whole : {"/dev", "/proc", "/sys"}) {
    if (configured.count(whole) > 0 && absl::StartsWith(mount.destination, absl::StrCat(whole, "/"))) return true;
  }
  return false;
}

long Depth(const SpecMount& mount) {
  return std::count(mount.destination.begin(), mount.destination.end(), '/');
}

}  // namespace

json ContainerMounts(bool cgroup_writable, const PodContext& pod, const cri::PodSandboxConfig& pod_config,
                     const ContainerContext& context, const cri::ContainerConfig& container) {
  const cri::LinuxContainerSecurityContext& security = container.linux().security_context();
  const std::vector<SpecMount> configured = ConfiguredMounts(context, container);
  std::set<std::string> places;
  for (const SpecMount& mount : configured) places.insert(mount.destination);

  std::vector<SpecMount> mounts = KernelMounts(cgroup_writable, pod_config, security.privileged());
  for (SpecMount& mount : PodMounts(pod, security.readonly_rootfs())) mounts.push_back(std::move(mount));
  mounts.erase(std::remove_if(mounts.begin(), mounts.end(), [&](const SpecMount& m) { return GivesWay(m, places); }),
               mounts.end());
  mounts.insert(mounts.end(), configured.begin(), configured.end());
  std::stable_sort(mounts.begin(), mounts.end(),
                   [](const SpecMount& a, const SpecMount& b) { return Depth(a) < Depth(b); });
  return ToJson(mounts);
}

json SandboxMounts(const std::string& shm) {
  std::vector<SpecMount> mounts = {Proc(), Dev()};
  if (!shm.empty()) mounts.push_back(Bind(shm, kShm, false));
  return ToJson(mounts);
}

absl::Status CheckMountSupport(const RuntimeFeatures& runtime, const cri::ContainerConfig& container) {
  for (int i = 0; i < container.mounts_size(); ++i) {
    const cri::Mount& mount = container.mounts(i);
    const std::string field = absl::StrCat("config.mounts[", i, "]");
    if (mount.recursive_read_only() && !runtime.recursive_readonly) {
      // The kubelet looks for this word at the beginning.
      return Annotate(InvalidField(absl::StrCat(field, ".recursive_read_only"),
                                   "the OCI runtime of this pod does not know the mount option rro; use runc 1.1 or "
                                   "newer"),
                      "RROUnsupported");
    }
    if (mount.uidmappings_size() + mount.gidmappings_size() > 0 && !runtime.idmapped_mounts) {
      return InvalidField(absl::StrCat(field, ".uidMappings"),
                          "the OCI runtime of this pod cannot do idmapped mounts; use runc 1.2 or newer");
    }
  }
  return absl::OkStatus();
}

std::string RootfsPropagation(const cri::ContainerConfig& container) {
  std::string propagation;
  for (const cri::Mount& mount : container.mounts()) {
    if (mount.propagation() == cri::PROPAGATION_BIDIRECTIONAL) return "rshared";
    if (mount.propagation() == cri::PROPAGATION_HOST_TO_CONTAINER) propagation = "rslave";
  }
  return propagation;
}

}  // namespace crisp
