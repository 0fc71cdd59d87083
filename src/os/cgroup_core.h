// A container's place in the cgroup hierarchies: found, emptied, removed. No Abseil, no exceptions, and no function
// waits: the shim uses it. What waits is in os/cgroup.h for the daemon, in shim/cgroup_end.h for the shim.
//
// The hierarchies are where systemd and every distribution mount them (file-hierarchy(7),
// systemd.io/CGROUP_DELEGATION): v2 at /sys/fs/cgroup, or v1 at /sys/fs/cgroup/<controller> with an optional v2 at
// /sys/fs/cgroup/unified. Paths of /proc/PID/cgroup are taken relative to those, as seen from the caller's cgroup
// namespace.
//
// Errors: 0 or an errno value. What is already gone is success.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "os/pidfd.h"

namespace crisp::cgroup {

// One directory, of one hierarchy.
struct Dir {
  std::string path;         // absolute
  std::string controllers;  // as in /proc/PID/cgroup: "cpu,cpuacct", "name=systemd"; empty for v2
  bool v2 = false;

  bool Has(std::string_view controller) const;
};
using Dirs = std::vector<Dir>;

// Where process `pid` is, in each hierarchy. The root cgroup of a hierarchy is left out: nobody's container is there.
Dirs OfProcess(pid_t pid);

// Where a container with this linux.cgroupsPath is put, in each hierarchy that this process sees, whether or not the
// directory exists: "/parent/id", or "parent.slice:prefix:id" if `systemd`, whose slices nest
// (a-b.slice is /a.slice/a-b.slice, systemd.slice(5)). Empty for a path that makes no sense: relative, with "..", root.
Dirs OfCgroupsPath(std::string_view cgroups_path, bool systemd);
std::string SystemdScopePath(std::string_view cgroups_path);

// Those of `actual` that are one of `expected` or below it.
Dirs Inside(const Dirs& actual, const Dirs& expected);

// The processes in a directory and below it, in the caller's pid namespace.
std::vector<pid_t> Processes(const Dirs& dirs);

// Sends `signal` to each of them, once. A pid that is used again meanwhile is never hit.
void Signal(const Dirs& dirs, int signal);

// Sends SIGKILL to every process, once. Returns some of those that now die; none if no process was found. Processes
// that they had just forked may be left, so the caller waits for these and looks again.
std::vector<Pidfd> KillOnce(const Dirs& dirs);

// Removes the directories and those below them, deepest first. EBUSY while a process is in one of them; a dead one
// still counts for a moment after its pidfd has told, on a busy machine for many milliseconds.
int Remove(const Dirs& dirs);

// Moves the processes of `dir` to the directory above it.
int MoveUp(const std::string& dir);

}  // namespace crisp::cgroup
