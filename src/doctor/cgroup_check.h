// The check "cgroup": the cgroup hierarchy and its controllers, and the cgroup driver against the kubelet's.
#pragma once

#include <string>
#include <vector>

namespace crisp {

class CallContext;
class Findings;
struct KubeletFacts;
struct Subject;

// What the node has.
struct CgroupFacts {
  bool v2 = false;                       // the unified hierarchy; else v1 or the hybrid one
  std::vector<std::string> controllers;  // that containers can be limited by
  bool systemd = false;                  // it is the init process
};

void JudgeCgroups(const CgroupFacts& cgroups, const KubeletFacts& kubelet, const Subject& subject, Findings* findings);

void CheckCgroups(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
