// PodContext: decisions about one pod and the host paths of its files. The same for all containers of the pod; a plain
// value.
#pragma once

#include <string>

namespace crisp {

struct PodContext {
  std::string id;  // 64 hexadecimal digits; also that of its pause container
  // As in the request: "/kubepods/burstable/pod<uid>", or "kubepods-burstable-pod<uid>.slice" with systemd.
  std::string cgroup_parent;
  std::string selinux_level;  // "s0:c1,c2"; empty: no SELinux
  std::string shm;            // mounted at /dev/shm; the host's /dev/shm for a pod with the host's IPC
  // Mounted at their places in /etc, unless the container mounts something there.
  std::string resolv_conf;
  std::string hostname_file;
  std::string hosts;
};

}  // namespace crisp
