#include "doctor/kernel_check.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "doctor/finding.h"
#include "doctor/scratch_dir.h"
#include "doctor/subject.h"
#include "os/pidfd.h"
#include "os/user_namespace.h"
#include "runtime/apparmor.h"
#include "runtime/host.h"
#include "runtime/selinux.h"

namespace crisp {
namespace {

using KernelVersion = std::pair<int, int>;

// 5.10 is the oldest kernel that crisp runs on (runtime/host_facts.h). Overlayfs takes idmapped layers since 5.19.
constexpr KernelVersion kOldest{5, 10};
constexpr KernelVersion kIdmappedLayers{5, 19};

void LookAtPrivileges(Findings* findings) {
  if (geteuid() == 0) return findings->Ok("privileges", "crispd doctor", "runs as root");
  findings->Warn("privileges", "crispd doctor",
                 "does not run as root: what it cannot try or read is reported as missing", "run it with sudo");
}

KernelVersion VersionOf(const std::string& release) {
  KernelVersion version{0, 0};
  const std::vector<std::string> parts = absl::StrSplit(release, absl::ByAnyChar(".-+"));
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[0], &version.first)) return {0, 0};
  return absl::SimpleAtoi(parts[1], &version.second) ? version : KernelVersion{0, 0};
}

void LookAtVersion(Findings* findings) {
  utsname names{};
  uname(&names);
  const std::string release = names.release;
  const KernelVersion version = VersionOf(release);
  if (version < kOldest) {
    return findings->Problem("version", release, "is older than 5.10, the oldest kernel that crisp runs on",
                             "install a newer kernel and reboot");
  }
  if (version < kIdmappedLayers) {
    return findings->Note("version", release, "pods cannot have user namespaces: overlayfs idmaps layers since 5.19",
                          "a newer kernel, if pods are to have hostUsers: false");
  }
  findings->Ok("version", release, names.machine);
}

void LookAtOverlay(const HostTree& tree, Findings* findings) {
  if (absl::StrContains(tree.Read("/proc/filesystems").value_or(""), "\toverlay\n")) {
    return findings->Ok("overlayfs", "/proc/filesystems", "overlay is there");
  }
  findings->Warn("overlayfs", "/proc/filesystems", "overlay is not there; its module may not be loaded yet",
                 "modprobe overlay, and name it in /etc/modules-load.d/crisp.conf");
}

void LookAtUserNamespaces(const Subject& subject, Findings* findings) {
  const IdMap map{{{0, 65536, 65536}}, {{0, 65536, 65536}}};
  const absl::Status made = MakeUserNamespace(map).status();
  if (!made.ok()) {
    return findings->Note(
        "user_namespaces", "clone(2)", std::string(made.message()),
        "for pods with hostUsers: false set the sysctl user.max_user_namespaces above 0, and on Debian "
        "kernel.unprivileged_userns_clone to 1");
  }
  findings->Ok("user_namespaces", "clone(2)", "one was made");
  const std::string root = NearestExisting(subject.config.root);
  const absl::Status mapped = CheckIdmapping(root);
  if (mapped.ok()) return findings->Ok("idmapped_mounts", root, "its file system has them");
  findings->Note("idmapped_mounts", root, std::string(mapped.message()),
                 "pods with hostUsers: false need a root directory on ext4, XFS or btrfs, and Linux 5.12 or later");
}

void LookAtPidfds(Findings* findings) {
  if (Pidfd::Open(getpid()).valid()) return findings->Ok("pidfd", "pidfd_open(2)", "works");
  findings->Problem("pidfd", "pidfd_open(2)", "does not work: crispd cannot follow processes",
                    "a kernel of 5.3 or later; inside a container, a seccomp profile that allows pidfd_open");
}

// A filter at address null is refused with EFAULT where there are filters, with EINVAL where there are none (prctl(2)).
void LookAtSeccomp(Findings* findings) {
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, nullptr, 0, 0);
  if (errno == EFAULT) return findings->Ok("seccomp", "prctl(2)", "filters are there");
  findings->Problem("seccomp", "prctl(2)", "the kernel has no seccomp filters: containers with a profile do not start",
                    "a kernel with CONFIG_SECCOMP_FILTER");
}

bool HasParser(const HostTree& tree) {
  for (const char* path : {"/sbin/apparmor_parser", "/usr/sbin/apparmor_parser", "/usr/bin/apparmor_parser"}) {
    if (tree.Has(path)) return true;
  }
  return false;
}

void LookAtApparmor(const Subject& subject, Findings* findings) {
  if (!HostHasApparmor()) return findings->Note("apparmor", "kernel", "is not enabled: no container is confined by it");
  if (subject.config.security.disable_apparmor) {
    return findings->Note("apparmor", "disable_apparmor", "is true: no container is confined by AppArmor");
  }
  if (HasParser(subject.tree)) return findings->Ok("apparmor", "kernel", "is enabled, and apparmor_parser is there");
  findings->Warn("apparmor", "apparmor_parser", "is not installed: no container is confined by AppArmor",
                 "install the package apparmor and restart crispd");
}

void LookAtSelinux(const Subject& subject, Findings* findings) {
  const bool there = subject.tree.Has("/sys/fs/selinux/enforce");
  const bool enforcing = subject.tree.ReadLine("/sys/fs/selinux/enforce") == "1";
  if (subject.config.security.enable_selinux && !there) {
    return findings->Problem("selinux", "enable_selinux",
                             "is true, but the kernel has no SELinux: crispd does not start",
                             "remove the key, or boot with SELinux");
  }
  if (enforcing && !subject.config.security.enable_selinux) {
    return findings->Warn("selinux", "enable_selinux", "is false, but SELinux enforces: containers get no labels",
                          "set enable_selinux = true in the CRI plugin's table");
  }
  findings->Ok("selinux", "kernel", there ? (enforcing ? "enforces" : "is permissive") : "is not enabled");
}

void LookAtPressure(const HostTree& tree, Findings* findings) {
  if (tree.Read("/proc/pressure/cpu").ok()) return findings->Ok("psi", "/proc/pressure", "can be read");
  findings->Note("psi", "/proc/pressure", "cannot be read: the kubelet has no metrics of pressure",
                 "boot with psi=1, if you want them");
}

void LookAtOomScores(Findings* findings) {
  const absl::StatusOr<int> floor = HostOomScoreAdjFloor();
  if (!floor.ok()) return findings->Note("oom_score", "/proc/self", std::string(floor.status().message()));
  if (*floor == -1000) return findings->Ok("oom_score", "CAP_SYS_RESOURCE", "containers may get every oom_score_adj");
  findings->Note(
      "oom_score", "CAP_SYS_RESOURCE",
      absl::StrCat("is missing here: a crispd with these capabilities gives no container an oom_score_adj below ",
                   *floor, ", and critical pods are not protected from the OOM killer"),
      "start crispd with CAP_SYS_RESOURCE");
}

}  // namespace

void CheckKernel(const Subject& subject, Findings* findings, const CallContext&) {
  LookAtPrivileges(findings);
  LookAtVersion(findings);
  LookAtOverlay(subject.tree, findings);
  LookAtUserNamespaces(subject, findings);
  LookAtPidfds(findings);
  LookAtSeccomp(findings);
  LookAtApparmor(subject, findings);
  LookAtSelinux(subject, findings);
  LookAtPressure(subject.tree, findings);
  LookAtOomScores(findings);
}

}  // namespace crisp
