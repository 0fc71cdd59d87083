// HostFacts: what is the same for all containers of the node: features of kernel and machine, and node-wide
// configuration. Read once when the daemon starts; a plain value.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/selinux.h"

namespace crisp {

struct HostFacts {
  // uname(2). 5.10 is the oldest kernel that crisp runs on.
  std::string architecture = "x86_64";
  int kernel_major = 5;
  int kernel_minor = 10;
  std::string hostname;  // gethostname(2); for pods that name none

  // The cgroup hierarchy (host.h).
  bool cgroup_v2 = false;        // unified hierarchy only, not hybrid
  bool swap_accounting = false;  // a limit on memory and swap together can be set
  // The hugetlb controller exists and the configuration does not disable it. Without it, limits of 0 are accepted (the
  // kubelet sends one for each page size of the node, with every container) and others are refused, or, with
  // drop_hugepage_limits, left out of the spec.
  bool hugepage_limits = false;
  bool drop_hugepage_limits = false;

  // The daemon's own limits, which its containers cannot exceed (host.h).
  int oom_score_adj_floor = -1000;       // the lowest that a container gets; -1000 to 1000 (proc(5))
  uint64_t capabilities = ~uint64_t{0};  // a bit mask (capabilities.h); runc fails if asked for one that is not in it

  // Confinement. The last four are configuration keys of these names.
  bool apparmor = false;              // the kernel confines by AppArmor, and kDefaultApparmorProfile is loaded
  SelinuxLabels selinux;              // of containers by default (selinux.h); empty: no SELinux
  std::string unset_seccomp_profile;  // applies where a pod names no profile (profiles.h)
  bool unprivileged_ports = false;    // any user of a pod may bind any port, except in the host's network
  bool disable_proc_mount = false;    // what is usual is masked and read-only in every container but privileged ones
  bool unprivileged_icmp = false;     // any group of a pod may send pings, except in the host's network
};

}  // namespace crisp
