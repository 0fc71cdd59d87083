#include "doctor/cgroup_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "doctor/finding.h"
#include "doctor/kubelet_facts.h"
#include "doctor/subject.h"
#include "runtime/host.h"

namespace crisp {
namespace {

constexpr char kCgroups[] = "/sys/fs/cgroup";
constexpr const char* kNeeded[] = {"cpu", "cpuset", "memory", "pids"};  // by the kubelet

CgroupFacts ReadCgroups(const HostTree& tree) {
  CgroupFacts facts;
  facts.v2 = HostHasCgroupV2();
  facts.systemd = tree.Has("/run/systemd/system");  // sd_booted(3)
  if (facts.v2) {
    facts.controllers =
        absl::StrSplit(tree.ReadLine(absl::StrCat(kCgroups, "/cgroup.controllers")), ' ', absl::SkipEmpty());
    return facts;
  }
  for (const std::string& name : tree.List(kCgroups)) {
    if (tree.Has(absl::StrCat(kCgroups, "/", name, "/cgroup.procs"))) facts.controllers.push_back(name);
  }
  return facts;
}

void JudgeVersion(const CgroupFacts& cgroups, const KubeletFacts& kubelet, Findings* findings) {
  if (cgroups.v2) return findings->Ok("version", kCgroups, "v2");
  const std::string fail = kubelet.fail_cgroup_v1.value;
  if (fail == "true") {
    return findings->Problem("version", kCgroups,
                             absl::StrCat("v1 or hybrid, and the kubelet does not start with it (failCgroupV1, ",
                                          kubelet.fail_cgroup_v1.From(), ")"),
                             "boot with systemd.unified_cgroup_hierarchy=1, or set failCgroupV1: false");
  }
  if (fail == "false") return findings->Note("version", kCgroups, "v1 or hybrid, which the kubelet accepts");
  findings->Warn("version", kCgroups, "v1 or hybrid: a kubelet of 1.35 or later does not start with it",
                 "boot with systemd.unified_cgroup_hierarchy=1, or set failCgroupV1: false");
}

void JudgeControllers(const CgroupFacts& cgroups, Findings* findings) {
  std::vector<std::string> missing;
  for (const std::string name : kNeeded) {
    const auto& all = cgroups.controllers;
    // In v1 cpu is often mounted together with cpuacct, with a link for each of the two.
    if (std::find(all.begin(), all.end(), name) == all.end()) missing.push_back(name);
  }
  if (missing.empty()) return findings->Ok("controllers", kCgroups, absl::StrJoin(cgroups.controllers, " "));
  findings->Problem("controllers", absl::StrJoin(missing, " "),
                    "missing: pods cannot be limited, and the kubelet does not start",
                    "remove cgroup_disable= from the kernel's command line; mount the controllers, where it is v1");
}

// Since 1.31 (beta; always since 1.34) the kubelet asks the runtime for its driver and goes by that.
void JudgeDriver(const CgroupFacts& cgroups, const KubeletFacts& kubelet, bool systemd_cgroup, Findings* findings) {
  const std::string own = systemd_cgroup ? "systemd" : "cgroupfs";
  const std::string object = absl::StrCat("SystemdCgroup = ", systemd_cgroup ? "true" : "false");
  if (systemd_cgroup && !cgroups.systemd) {
    findings->Problem("driver", object, "systemd does not run on this node: no container starts",
                      "set SystemdCgroup = false in the options of the runtime");
    return;
  }
  if (!kubelet.known() || kubelet.cgroup_driver.value == own) {
    findings->Ok("driver", object, kubelet.known() ? "the kubelet's driver is the same" : "no kubelet is known here");
  } else {
    const bool said = !kubelet.cgroup_driver.source.empty();
    findings->Add(
        said ? Verdict::kProblem : Verdict::kWarning, "driver", object,
        absl::StrCat("the kubelet's driver is ", kubelet.cgroup_driver.value, " (", kubelet.cgroup_driver.From(),
                     "): a kubelet before 1.31 looks for pods' cgroups in the wrong place"),
        absl::StrCat("set cgroupDriver: ", own,
                     " in the kubelet's file, or SystemdCgroup = ", systemd_cgroup ? "false" : "true", " in crispd's"));
  }
}

void JudgeManager(const CgroupFacts& cgroups, bool systemd_cgroup, Findings* findings) {
  if (!cgroups.systemd || systemd_cgroup) return;
  findings->Warn("manager", "systemd",
                 "is the init process, but crispd makes cgroups without it: two managers of one tree",
                 "set SystemdCgroup = true in crispd's configuration and cgroupDriver: systemd in the kubelet's");
}

}  // namespace

void JudgeCgroups(const CgroupFacts& cgroups, const KubeletFacts& kubelet, const Subject& subject, Findings* findings) {
  JudgeVersion(cgroups, kubelet, findings);
  JudgeControllers(cgroups, findings);
  const auto runtime = subject.config.runtimes.find(subject.config.default_runtime_name);
  const bool systemd_cgroup = runtime != subject.config.runtimes.end() && runtime->second.systemd_cgroup;
  JudgeDriver(cgroups, kubelet, systemd_cgroup, findings);
  JudgeManager(cgroups, systemd_cgroup, findings);
}

void CheckCgroups(const Subject& subject, Findings* findings, const CallContext& call) {
  JudgeCgroups(ReadCgroups(subject.tree), ReadKubeletFacts(subject, call), subject, findings);
  if (HostAccountsForSwap()) return findings->Ok("swap", kCgroups, "swap can be limited");
  findings->Note("swap", kCgroups, "swap cannot be limited, or this shell's cgroup does not tell",
                 "boot with swapaccount=1, if pods are to have limits on swap");
}

}  // namespace crisp
