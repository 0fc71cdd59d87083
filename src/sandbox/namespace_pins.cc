#include "sandbox/namespace_pins.h"

#include <fcntl.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/cgroup.h"
#include "os/file.h"
#include "os/mount.h"
#include "sandbox/pod_files.h"
#include "sandbox/pod_user_namespace.h"
#include "store/residue.h"

namespace crisp {
namespace {

constexpr const char* kAllKinds[] = {"ipc", "uts", "pid", "user"};

// The namespaces that containers of the pod join by a pin. The network namespace has a pin of its own (os/netns.h).
std::vector<std::string> KindsOf(const PodRecord& pod) {
  std::vector<std::string> kinds = {"pid"};
  if (pod.config().linux().security_context().namespace_options().ipc() != cri::NODE) kinds.push_back("ipc");
  if (!UsesHostNetwork(pod.config())) kinds.push_back("uts");
  if (IdMapOf(pod.config())) kinds.push_back("user");
  return kinds;
}

}  // namespace

absl::Status CheckFirstProcess(pid_t pid, const std::string& cgroups_path, bool systemd_cgroup) {
  ASSIGN_OR_RETURN(const cgroup::Dirs expected, ContainerCgroups(cgroups_path, systemd_cgroup));
  if (!cgroup::Inside(cgroup::OfProcess(pid), expected).empty()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("process ", pid, " has ended"));
}

absl::Status PinNamespace(pid_t pid, const std::string& kind, const std::string& path, const std::string& cgroups_path,
                          bool systemd_cgroup) {
  RETURN_IF_ERROR(WriteFileAt(AT_FDCWD, path, "", 0600));
  RETURN_IF_ERROR(BindMount(absl::StrCat("/proc/", pid, "/ns/", kind), path), "pin namespace ", kind);
  return Annotate(CheckFirstProcess(pid, cgroups_path, systemd_cgroup), absl::StrCat("pin namespace ", kind));
}

absl::Status PinNamespaces(const Layout& layout, const PodRecord& pod, bool systemd_cgroup) {
  RETURN_IF_ERROR(MakeDirs(layout.NamespacePins(pod.id()), 0700));
  for (const std::string& kind : KindsOf(pod)) {
    const std::string path = layout.NamespacePin(pod.id(), kind);
    if (Exists(path)) continue;
    RETURN_IF_ERROR(PinNamespace(pod.pause_pid(), kind, path, pod.cgroups_path(), systemd_cgroup));
  }
  return absl::OkStatus();
}

absl::Status UnpinNamespaces(const Layout& layout, const std::string& pod_id) {
  absl::Status status;
  for (const char* kind : kAllKinds) status = Join(status, Unmount(layout.NamespacePin(pod_id, kind)));
  return Join(status, RemoveOrSetAside(layout, layout.NamespacePins(pod_id)));
}

PodNamespaces NamespacesOf(const Layout& layout, const PodRecord& pod) {
  PodNamespaces namespaces;
  namespaces.network = pod.netns_path();
  for (const std::string& kind : KindsOf(pod)) {
    const std::string path = layout.NamespacePin(pod.id(), kind);
    if (kind == "pid") namespaces.pid = path;
    if (kind == "ipc") namespaces.ipc = path;
    if (kind == "uts") namespaces.uts = path;
    if (kind == "user") namespaces.user = path;
  }
  return namespaces;
}

}  // namespace crisp
