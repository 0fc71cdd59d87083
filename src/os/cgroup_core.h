// Finds, empties and removes the cgroups of a container. No Abseil, no exceptions, and no function waits: the shim uses
// it too. What waits is in os/cgroup.h for the daemon and in shim/cgroup_end.h for the shim.
//
// The hierarchies are expected where systemd mounts them (file-hierarchy(7), systemd.io/CGROUP_DELEGATION): v2 at
// /sys/fs/cgroup, or v1 at /sys/fs/cgroup/<controller> with an optional v2 at /sys/fs/cgroup/unified. Paths of
// /proc/PID/cgroup are relative to those, as seen from the caller's cgroup namespace.
//
// Threading: from any thread. Errors: 0 or an errno value. Something that is already gone is success.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "os/pidfd.h"

namespace crisp::cgroup {

// A cgroup: one directory of one hierarchy.
struct Dir {
  std::string path;         // absolute
  std::string controllers;  // as in /proc/PID/cgroup: "cpu,cpuacct" or "name=systemd"; empty for v2
  bool v2 = false;

  bool Has(std::string_view controller) const;
};
using Dirs = std::vector<Dir>;

// The cgroups of process `pid`, one of each hierarchy. Root cgroups are left out: no container is in one.
Dirs OfProcess(pid_t pid);

// The cgroups into which an OCI runtime puts a container with this linux.cgroupsPath, one of each hierarchy that this
// process sees, whether or not they exist. The path is "/parent/id" or, if `systemd`, "parent.slice:prefix:id", where
// slices nest: a-b.slice is /a.slice/a-b.slice (systemd.slice(5)). Empty for an invalid path: relative, the root, or
// with "..".
Dirs OfCgroupsPath(std::string_view cgroups_path, bool systemd);
// The path of "parent.slice:prefix:id" below a hierarchy's mount; empty if it is invalid.
std::string SystemdScopePath(std::string_view cgroups_path);

// Those of `actual` that are in `expected` or below one that is.
Dirs Inside(const Dirs& actual, const Dirs& expected);

// The processes in the cgroups and below, as pids of the caller's pid namespace, sorted.
std::vector<pid_t> Processes(const Dirs& dirs);

// Sends `signal` to each of them, once. Never hits another process whose pid was reused meanwhile.
void Signal(const Dirs& dirs, int signal);

// Sends SIGKILL to every process, once. Returns some of those that now die; none if no process was found. Children that
// they had just forked may be left: the caller waits for the returned ones and calls Processes again.
std::vector<Pidfd> KillOnce(const Dirs& dirs);

// Removes the cgroups and those below them, deepest first. EBUSY while a process is in one of them. A dead process
// still counts for a moment after its pidfd has become readable, on a busy machine for many milliseconds.
int Remove(const Dirs& dirs);

// Moves the processes of the cgroup at path `dir` to its parent.
int MoveUp(const std::string& dir);

}  // namespace crisp::cgroup
