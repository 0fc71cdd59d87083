// PodContext: what the daemon has decided about one pod, and where it has put the pod's files. The same for all
// containers of the pod; a plain value. All paths are of the host.
#pragma once

#include <string>

namespace crisp {

struct PodContext {
  std::string id;  // 64 hexadecimal digits; also that of its pause container
  // As the kubelet gave it: "/kubepods/burstable/pod<uid>", or "kubepods-burstable-pod<uid>.slice" with systemd.
  std::string cgroup_parent;
  std::string selinux_level;  // "s0:c1,c2"; empty: no SELinux
  std::string shm;            // mounted at /dev/shm; the host's /dev/shm for a pod with the host's IPC
  // Mounted at their places in /etc, unless the container mounts something there.
  std::string resolv_conf;
  std::string hostname_file;
  std::string hosts;
};

}  // namespace crisp
