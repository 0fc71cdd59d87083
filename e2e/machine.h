// A machine of its own for one test program: PID, mount, network, IPC and UTS namespaces, an empty /run and
// /var/lib/cni, a loopback device that is up, a directory on disk and a cgroup of its own. When the program ends, or is
// killed, the kernel ends every process in it; mounts, links, rules and namespaces go with them.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace crisp::e2e {

struct Machine {
  std::string directory;      // on disk, for crispd's root, logs, the registry; removed at the end
  std::string cgroup_parent;  // "/crisp-e2e-XXXXXX", or a slice's path; what is below it in every hierarchy is removed
                              // at the end
};

// Whether the tests are to use the systemd cgroup driver (CRISP_E2E_SYSTEMD=1; e2e/systemd_node.sh makes a machine for
// it). systemd must know the processes under the same pids, and be reachable below /run: then a machine has no PID
// namespace and no /run of its own. Its cgroup parent is a slice, and whatever the test has left running is killed.
bool WithSystemd();

// Why this process cannot make a machine; empty if it can.
std::string MachineMissing();

// Calls `body` in a new process in a new machine and returns its result, 128 + signal if a signal ended it. To be
// called before there is any thread.
int RunInMachine(const std::function<int(const Machine&)>& body);

// Removes every cgroup below `parent` and itself in every hierarchy. Its processes must be dead or dying.
void RemoveCgroups(const std::string& parent);

// The mount points of all cgroup hierarchies.
std::vector<std::string> CgroupHierarchies();

}  // namespace crisp::e2e
