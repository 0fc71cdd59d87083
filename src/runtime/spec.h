// BuildSpec: from what CRI asks to what the OCI runtime is told (runtime-spec 1.0.2, config.json). A pure function: no
// clock, no file, no global. What depends on the machine or the root file system is resolved before and handed in.
//
// Errors: InvalidArgument naming the CRI field for what makes no sense; Unimplemented naming the field for what is
// asked for and not yet honoured; Internal for a context that does not fit the pod (a fault of the caller). Nothing
// that is asked for is ignored, but for what a privileged container switches off by CRI's own words (seccomp, AppArmor,
// SELinux, capabilities, masked and read-only paths).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"
#include "base/image_config.h"
#include "runtime/cdi.h"
#include "runtime/selinux.h"

namespace crisp {

// A user as resolved in the container's root file system.
struct ResolvedUser {
  uint32_t uid = 0;
  uint32_t gid = 0;
  // The primary gid first, then those of the image and of the pod: runc gives a process these and no others, and a
  // primary group that is missing here could be dropped by a program to get round a file's group (CVE-2023-25173).
  std::vector<uint32_t> additional_gids;
  std::string home = "/";
};

// The namespaces that a container of the pod joins, as paths; empty: none is joined. They must agree with the pod's
// namespace options: a namespace of the pod's own without its path is an error, never the host's in silence.
struct PodNamespaces {
  std::string network;  // the pinned one; empty: the host's
  std::string ipc;      // /proc/<pause pid>/ns/ipc; empty: the host's
  std::string uts;      // empty: the host's
  std::string pid;      // that of the pause container, or with NamespaceMode TARGET that of the target
  std::string user;     // that of the pause container of a pod with a user namespace; empty: the host's
};

// A device node of the host, for privileged containers.
struct HostDevice {
  std::string path;
  char type = 'c';  // 'c' or 'b'
  int64_t major = 0;
  int64_t minor = 0;
  mode_t mode = 0;  // permission bits
  uint32_t uid = 0;
  uint32_t gid = 0;
};

// A device of config.devices, found on the host.
struct ContainerDevice {
  HostDevice node;          // its path is that in the container
  std::string permissions;  // of "rwm"
};

// A volume that the image's configuration declares: a directory of the host, made for this container.
struct ImageVolume {
  std::string host_path;
  std::string container_path;
};

// What the machine can do and where things are. runtime/host.h finds out what is marked (host), runtime/
// runtime_features.h what is marked (OCI runtime); what is marked (sandbox) is looked up for each container.
struct SpecContext {
  std::string id;          // of the container, 64 hexadecimal characters
  std::string sandbox_id;  // of its pod; for a pause container it is `id`
  std::string
      cgroup_parent;  // as the kubelet gave it: "/kubepods/burstable/pod<uid>" or "kubepods-burstable-pod<uid>.slice"
  bool systemd_cgroup = false;
  bool cgroup_v2 = false;        // (host) the unified hierarchy only, not the hybrid
  bool swap_accounting = false;  // (host) a limit on memory and swap can be set
  // The hugetlb controller is there, and the configuration does not disable it. Without it limits of 0 are accepted
  // (the kubelet sends one for each page size of the node, with every container), others are refused.
  bool hugepage_limits = false;
  bool drop_hugepage_limits = false;  // without it, those that are not 0 are left out instead of refused
  int oom_score_adj_floor = -1000;  // the lowest that the daemon may set (restrict_oom_score_adj: its own value) (host)
  // (host) A bit for each capability that the daemon may hand on, its bounding set; capabilities.h. A container gets no
  // other: asking the kernel for one makes runc fail.
  uint64_t host_capabilities = ~uint64_t{0};
  std::vector<HostDevice> host_devices;  // (host) for privileged containers only
  bool all_devices_allowed = true;       // to privileged containers
  std::string hostname;                  // the node's, for a pod that names none
  std::string shm;                       // host path of the pod's /dev/shm; /dev/shm if the pod has the host's ipc
  std::string resolv_conf;               // host paths; each is mounted unless the config mounts something there
  std::string hostname_file;
  std::string hosts;

  std::string architecture = "x86_64";  // (host) uname(2), machine
  int kernel_major = 5;                 // (host) 5.10 is the oldest that crisp runs on
  int kernel_minor = 10;
  std::string unset_seccomp_profile;  // what applies where a pod says nothing: as the configuration key of this name
  std::string seccomp_profile;        // (sandbox) content of the profile that is asked for by its path
  bool apparmor = false;              // (host) it confines processes, and kDefaultApparmorProfile is loaded
  SelinuxLabels selinux;              // (host) those of containers by default; empty: no SELinux
  std::string selinux_level;          // (sandbox) the pod's own, as "s0:c1,c2"
  bool recursive_readonly = false;    // (OCI runtime) the mount option "rro"
  bool idmapped_mounts = false;       // (OCI runtime) uidMappings of mounts
  bool user_namespaces = false;       // (OCI runtime) (host) pods can have one
  bool cgroup_writable = false;       // to containers that are not privileged too, where they have a cgroup namespace
  bool unprivileged_ports = false;    // every user of a pod may bind any port, but not in the host's network
  bool unprivileged_icmp = false;     // every group of a pod may ping, likewise
  std::vector<ContainerDevice> devices;  // (sandbox)
  std::vector<ImageVolume> volumes;      // (sandbox)
  CdiEdits cdi;                          // (sandbox)
};

// The spec of the pod's pause container: makes ipc, uts and pid namespaces unless the pod uses the host's ipc or
// network (uts goes with the network). It always has a pid namespace of its own: with pid mode NODE there is none to
// share, and killing the first process of one is the surest way to end all in it.
// The image's USER counts only if it is numeric; a name is refused, since looking it up is not this function's.
absl::StatusOr<std::string> BuildSandboxSpec(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                             const ImageConfig& image, const std::string& netns_path);

// Host paths of `container`'s mounts are taken as they are: the caller has followed links, made what was missing,
// mounted images (their host_path is where), and checked that the host's mount can propagate as asked.
absl::StatusOr<std::string> BuildContainerSpec(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                               const cri::ContainerConfig& container, const ImageConfig& image,
                                               const PodNamespaces& namespaces, const ResolvedUser& user);

// The process of an exec: that of the container's spec with other arguments. With a terminal TERM is xterm unless the
// container has another.
absl::StatusOr<std::string> BuildExecProcess(absl::string_view container_spec, const std::vector<std::string>& command,
                                             bool terminal = false);

// linux.cgroupsPath of a spec. cgroupfs: "/parent/id", and "/id" without a parent, so that no directory of our own
// stays behind. systemd: "parent.slice:crisp:id" (a scope "crisp-<id>.scope") with the last component of the parent,
// since a slice's name holds its ancestors; "system.slice" without a parent.
std::string CgroupsPath(const SpecContext& context);

// Every field of a pod or container configuration that is set and not yet honoured, or makes no sense. Called before
// anything is made.
absl::Status CheckSandboxConfig(const cri::PodSandboxConfig& pod);
absl::Status CheckContainerConfig(const cri::ContainerConfig& container, const cri::PodSandboxConfig& pod);

// The user a container runs as: run_as_user, run_as_username, run_as_group of the security context, else the image's
// USER, looked up in /etc/passwd and /etc/group below `rootfs` (a directory's descriptor), which are untrusted: regular
// files of at most 1 MiB, opened inside the root. What the image got wrong is InvalidArgument too.
absl::StatusOr<ResolvedUser> ResolveUser(int rootfs, const cri::LinuxContainerSecurityContext& security,
                                         const ImageConfig& image);

}  // namespace crisp
