#include "runtime/spec_mounts.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

using nlohmann::json;

struct SpecMount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
};

json ToJson(const SpecMount& mount) {
  return {
      {"destination", mount.destination}, {"type", mount.type}, {"source", mount.source}, {"options", mount.options}};
}

json ToJson(const std::vector<SpecMount>& mounts) {
  json array = json::array();
  for (const SpecMount& mount : mounts) array.push_back(ToJson(mount));
  return array;
}

// Without "..", "." and doubled or trailing slashes, by the letters alone: the path is in a root that is not ours.
std::string Normal(const std::string& path) {
  std::string normal = std::filesystem::path(path).lexically_normal().string();
  if (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  return normal;
}

SpecMount Bind(const std::string& source, const std::string& destination, bool readonly,
               const std::string& propagation = "rprivate") {
  return {destination, "bind", source, {"rbind", propagation, readonly ? "ro" : "rw"}};
}

SpecMount Proc() {
  return {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}};
}
SpecMount Dev() {
  return {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}};
}

// The file systems of runtime-spec config-linux.md, "Default Filesystems", and those that every CRI server adds.
std::vector<SpecMount> KernelMounts(bool privileged) {
  const std::string access = privileged ? "rw" : "ro";
  // gid 5 is tty, in every distribution that has one.
  return {Proc(),
          Dev(),
          {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
          {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
          {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", access}},
          {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", access}}};
}

std::vector<SpecMount> PodMounts(const SpecContext& context, bool readonly_rootfs) {
  std::vector<SpecMount> mounts;
  const auto add = [&](const std::string& source, const std::string& destination, bool readonly) {
    if (!source.empty()) mounts.push_back(Bind(source, destination, readonly));
  };
  add(context.shm, "/dev/shm", false);
  // Files of the root file system to whoever looks, so as writable as it is.
  add(context.resolv_conf, "/etc/resolv.conf", readonly_rootfs);
  add(context.hostname_file, "/etc/hostname", readonly_rootfs);
  add(context.hosts, "/etc/hosts", readonly_rootfs);
  return mounts;
}

std::string PropagationOption(cri::MountPropagation propagation) {
  if (propagation == cri::PROPAGATION_BIDIRECTIONAL) return "rshared";
  if (propagation == cri::PROPAGATION_HOST_TO_CONTAINER) return "rslave";
  return "rprivate";
}

std::vector<SpecMount> ConfiguredMounts(const cri::ContainerConfig& container) {
  std::vector<SpecMount> mounts;
  for (const cri::Mount& mount : container.mounts()) {
    // selinux_relabel needs nothing: the kubelet sets it wherever SELinux could be, and means "if it is enabled".
    mounts.push_back(Bind(mount.host_path(), Normal(mount.container_path()), mount.readonly(),
                          PropagationOption(mount.propagation())));
  }
  return mounts;
}

// A default mount gives way to one that the configuration has at the same place, and those below /dev, /proc and /sys
// to one of the whole: who brings the host's /dev brings its /dev/pts too.
bool GivesWay(const SpecMount& mount, const std::set<std::string>& configured) {
  if (configured.count(mount.destination) > 0) return true;
  for (const char* whole : {"/dev", "/proc", "/sys"}) {
    if (configured.count(whole) > 0 && absl::StartsWith(mount.destination, absl::StrCat(whole, "/"))) return true;
  }
  return false;
}

long Depth(const SpecMount& mount) {
  return std::count(mount.destination.begin(), mount.destination.end(), '/');
}

}  // namespace

json ContainerMounts(const SpecContext& context, const cri::ContainerConfig& container) {
  const cri::LinuxContainerSecurityContext& security = container.linux().security_context();
  const std::vector<SpecMount> configured = ConfiguredMounts(container);
  std::set<std::string> places;
  for (const SpecMount& mount : configured) places.insert(mount.destination);

  std::vector<SpecMount> mounts = KernelMounts(security.privileged());
  for (SpecMount& mount : PodMounts(context, security.readonly_rootfs())) mounts.push_back(std::move(mount));
  mounts.erase(std::remove_if(mounts.begin(), mounts.end(), [&](const SpecMount& m) { return GivesWay(m, places); }),
               mounts.end());
  mounts.insert(mounts.end(), configured.begin(), configured.end());
  std::stable_sort(mounts.begin(), mounts.end(),
                   [](const SpecMount& a, const SpecMount& b) { return Depth(a) < Depth(b); });
  return ToJson(mounts);
}

json SandboxMounts(const SpecContext& context) {
  std::vector<SpecMount> mounts = {Proc(), Dev()};
  if (!context.shm.empty()) mounts.push_back(Bind(context.shm, "/dev/shm", false));
  return ToJson(mounts);
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
