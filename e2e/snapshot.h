// Snapshot: everything that pods leave traces in, on the test's machine. One checker for all tests: what is there after
// all pods are removed must be what was there before the first (lessons.md I2: nothing is left).
#pragma once

#include <sys/types.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace crisp::e2e {

// Where to look.
struct SnapshotScope {
  std::string root;            // crispd's
  std::string state;           // crispd's
  std::string cgroup_parent;   // "/crisp-e2e-XXXXXX"
  std::vector<pid_t> daemons;  // that belong to the test; the first is crispd
};

struct Snapshot {
  // What was seen, by kind: "process", "mount", "network namespace", "link", "IPAM lease", "iptables rule", "cgroup",
  // "file", "socket", "fd of crispd". Without pids and other numbers that change without meaning.
  std::map<std::string, std::multiset<std::string>> seen;
};

Snapshot TakeSnapshot(const SnapshotScope& scope);

// One line for each thing that is in one and not in the other: "left: mount: overlay on …", "lost: …". Empty if equal.
std::string Difference(const Snapshot& before, const Snapshot& after);

// The processes of the machine except its init, this one and `except`: "pid command line", for messages.
std::vector<std::string> ProcessList(const std::vector<pid_t>& except);

}  // namespace crisp::e2e
