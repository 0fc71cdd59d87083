// Machine: what this node is and allows, found out once at the start of the daemon.
#pragma once

#include <string>
#include <vector>

namespace crisp {

struct Machine {
  // The capabilities that a privileged container can get: those of the daemon's bounding set, as "CAP_CHOWN".
  std::vector<std::string> capabilities;
  // Cgroup v2 is the hierarchy in use (cgroup2fs is mounted on /sys/fs/cgroup).
  bool cgroup_v2 = false;
  // The lowest oom_score_adj that a container can be given. Without CAP_SYS_RESOURCE nothing can be lowered below the
  // daemon's own value (proc_pid_oom_score_adj(5)).
  int oom_score_adj_floor = -1000;
  std::string boot_id;  // /proc/sys/kernel/random/boot_id
};

// `restrict_oom_score_adj` asks for the floor of a daemon without CAP_SYS_RESOURCE. A floor that the machine imposes
// unasked is said once in the log.
Machine LookAtMachine(bool restrict_oom_score_adj);

}  // namespace crisp
