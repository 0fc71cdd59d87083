// Snapshot: everything on the test's machine that pods leave traces in. What is there after all pods are removed must
// be what was there before the first.
#pragma once

#include <sys/types.h>

#include <map>
#include <set>
#include <string>

namespace crisp::e2e {

// Where to look.
struct SnapshotScope {
  std::string root;           // crispd's
  std::string state;          // crispd's
  std::string cgroup_parent;  // of the test's pods
  pid_t daemon;               // whose descriptors and mounts are looked at; it is not itself a trace
};

struct Snapshot {
  // What was seen, by kind: "process", "mount", "network namespace", "link", "IPAM lease", "iptables rule", "cgroup",
  // "file", "socket", "descriptor of the daemon". Without pids and other numbers that change without meaning.
  std::map<std::string, std::multiset<std::string>> seen;
};

Snapshot TakeSnapshot(const SnapshotScope& scope);

// A line for each thing that is in only one of them: "left: mount: overlay on …", "lost: …". Empty if they are equal.
std::string Difference(const Snapshot& before, const Snapshot& after);

}  // namespace crisp::e2e
