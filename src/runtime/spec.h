// BuildSpec: from what CRI asks to what the OCI runtime is told (runtime-spec 1.0.2, config.json). A pure function: no
// clock, no file, no global. What depends on the machine or the root file system is resolved before and handed in.
//
// Errors: InvalidArgument naming the CRI field for what makes no sense; Unimplemented naming the field for what is
// asked for and not yet honoured. Nothing that is asked for is ignored.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"
#include "base/image_config.h"

namespace crisp {

// A user as resolved in the container's root file system.
struct ResolvedUser {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> additional_gids;
  std::string home = "/";
};

// The namespaces that a container of the pod joins, as paths; empty: none is joined.
struct PodNamespaces {
  std::string network;  // the pinned one; empty: the host's
  std::string ipc;      // /proc/<pause pid>/ns/ipc; empty: the host's
  std::string uts;      // empty: the host's
  std::string pid;      // of the pause container, for NamespaceMode POD; empty: the host's for NODE
};

// What the machine can do and where things are.
struct SpecContext {
  std::string id;  // of the container, 64 hexadecimal characters
  std::string
      cgroup_parent;  // as the kubelet gave it: "/kubepods/burstable/pod<uid>" or "kubepods-burstable-pod<uid>.slice"
  bool systemd_cgroup = false;
  int oom_score_adj_floor = -1000;  // the lowest that the daemon may set (restrict_oom_score_adj: its own value)
  std::string shm;                  // host path of the pod's /dev/shm
  std::string resolv_conf;          // host paths; each is mounted unless the config mounts something there
  std::string hostname_file;
  std::string hosts;
};

// The spec of the pod's pause container: makes ipc and uts (and pid) namespaces unless the pod uses the host's.
absl::StatusOr<std::string> BuildSandboxSpec(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                             const ImageConfig& image, const std::string& netns_path);

absl::StatusOr<std::string> BuildContainerSpec(const SpecContext& context, const cri::PodSandboxConfig& pod,
                                               const cri::ContainerConfig& container, const ImageConfig& image,
                                               const PodNamespaces& namespaces, const ResolvedUser& user);

// The process of an exec: that of the container's spec with other arguments.
absl::StatusOr<std::string> BuildExecProcess(absl::string_view container_spec, const std::vector<std::string>& command);

// linux.cgroupsPath of a spec: "/parent/id", or "parent.slice:crisp:id" for systemd.
std::string CgroupsPath(const SpecContext& context);

// Every field of a pod or container configuration that is set and not yet honoured, or makes no sense. Called before
// anything is made.
absl::Status CheckSandboxConfig(const cri::PodSandboxConfig& pod);
absl::Status CheckContainerConfig(const cri::ContainerConfig& container, const cri::PodSandboxConfig& pod);

// The user a container runs as: run_as_user, run_as_username, run_as_group of the security context, else the image's
// USER, looked up in /etc/passwd and /etc/group below `rootfs` (a directory's descriptor), which are untrusted: regular
// files of at most 1 MiB, opened inside the root.
absl::StatusOr<ResolvedUser> ResolveUser(int rootfs, const cri::LinuxContainerSecurityContext& security,
                                         const ImageConfig& image);

}  // namespace crisp
