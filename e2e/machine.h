// A machine for one test program: PID, mount, network, IPC and UTS namespaces, an empty /run and /var/lib/cni, a
// loopback device that is up, a directory on disk and a cgroup. When the program ends or is killed, the kernel ends
// every process in the machine; mounts, links, firewall rules and namespaces go with them.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace crisp::e2e {

struct Machine {
  std::string directory;      // on disk, for crispd's root, logs and the registry; removed at the end
  std::string cgroup_parent;  // "/crisp-e2e-XXXXXX", or a slice's path; removed at the end, in every hierarchy
};

// True if the tests use the systemd cgroup driver: CRISP_E2E_SYSTEMD=1, on a machine that e2e/systemd_node.sh boots.
// systemd must see the processes under the same pids and be reachable below /run, so the machine then has no PID
// namespace and no /run of its own. Its cgroup parent is a slice. Processes that the test leaves are killed at its end.
bool WithSystemd();

// Why this process cannot make a machine; empty if it can.
std::string MachineMissing();

// Calls `body` in a new process in a new machine. Returns its result, or 128 + the signal that ended it. Must be called
// before any thread is started.
int RunInMachine(const std::function<int(const Machine&)>& body);

// Removes `parent` and every cgroup below it in every hierarchy. Waits up to 2 s for processes in them that are dying.
void RemoveCgroups(const std::string& parent);

// The mount points of all cgroup hierarchies.
std::vector<std::string> CgroupHierarchies();

}  // namespace crisp::e2e
