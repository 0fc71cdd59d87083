#include "sandbox/node_facts.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "runtime/apparmor.h"
#include "runtime/host.h"
#include "runtime/profiles.h"

namespace crisp {
namespace {

constexpr int kLowestOomScoreAdj = -1000;              // proc_pid_oom_score_adj(5)
constexpr std::chrono::seconds kApparmorPatience{30};  // the parser compiles the profile

absl::StatusOr<std::string> ReadLine(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFileAt(AT_FDCWD, path, 4096));
  return std::string(absl::StripAsciiWhitespace(text));
}

absl::StatusOr<int> OwnOomScoreAdj() {
  ASSIGN_OR_RETURN(const std::string text, ReadLine("/proc/self/oom_score_adj"));
  int value = 0;
  if (!absl::SimpleAtoi(text, &value)) return absl::InternalError("read /proc/self/oom_score_adj: not a number");
  return value;
}

absl::StatusOr<int> OomScoreAdjFloor(bool restricted) {
  ASSIGN_OR_RETURN(int floor, HostOomScoreAdjFloor());
  if (floor > kLowestOomScoreAdj && !restricted) {
    LogWarning("without CAP_SYS_RESOURCE no container gets a lower oom_score_adj than this daemon has",
               {{"oom_score_adj", floor}});
  }
  if (!restricted) return floor;
  ASSIGN_OR_RETURN(const int own, OwnOomScoreAdj());
  return std::max(floor, own);
}

bool UsesApparmor(const SecurityOptions& security) {
  if (security.disable_apparmor || !HostHasApparmor()) return false;
  const absl::Status loaded = LoadDefaultApparmorProfile(CallContext::WithTimeout(kApparmorPatience));
  if (!loaded.ok()) LogWarning("no container is confined by AppArmor", {{"error", loaded.message()}});
  return loaded.ok();
}

// uname(2): "x86_64", "6.1.0-13-cloud-amd64".
absl::Status LookAtKernel(HostFacts* host) {
  utsname names{};
  if (uname(&names) != 0) return ErrnoStatus(errno, "uname");
  host->architecture = names.machine;
  const std::vector<absl::string_view> parts = absl::StrSplit(names.release, '.');
  const absl::string_view minor = parts.size() > 1 ? parts[1].substr(0, parts[1].find_first_not_of("0123456789")) : "";
  if (absl::SimpleAtoi(parts[0], &host->kernel_major) && absl::SimpleAtoi(minor, &host->kernel_minor)) {
    return absl::OkStatus();
  }
  return absl::InternalError(absl::StrCat("the kernel's release \"", names.release, "\" has no version"));
}

absl::Status LookAtConfinement(const SecurityOptions& security, HostFacts* host) {
  // A fault of the configuration: better now than with every container.
  RETURN_IF_ERROR(ParseSeccompName(security.unset_seccomp_profile, "unset_seccomp_profile"));
  host->unset_seccomp_profile = security.unset_seccomp_profile;
  host->unprivileged_ports = security.enable_unprivileged_ports;
  host->disable_proc_mount = security.disable_proc_mount;
  host->unprivileged_icmp = security.enable_unprivileged_icmp;
  host->hugepage_limits = !security.disable_hugetlb_controller && HostLimitsHugepages();
  host->drop_hugepage_limits = security.disable_hugetlb_controller || security.tolerate_missing_hugetlb_controller;
  host->apparmor = UsesApparmor(security);
  if (security.enable_selinux) {
    ASSIGN_OR_RETURN(host->selinux, HostSelinuxLabels(), "SELinux (enable_selinux)");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NodeFacts> ReadNodeFacts(bool restrict_oom_score_adj, const SecurityOptions& security) {
  NodeFacts facts;
  RETURN_IF_ERROR(LookAtKernel(&facts.host));
  RETURN_IF_ERROR(LookAtConfinement(security, &facts.host));
  facts.host.cgroup_v2 = HostHasCgroupV2();
  facts.host.swap_accounting = HostAccountsForSwap();
  facts.host.capabilities = HostCapabilities();
  facts.host.hostname = NodeHostname();
  ASSIGN_OR_RETURN(facts.host.oom_score_adj_floor, OomScoreAdjFloor(restrict_oom_score_adj));
  ASSIGN_OR_RETURN(facts.boot_id, ReadLine("/proc/sys/kernel/random/boot_id"));
  return facts;
}

std::string NodeHostname() {
  std::array<char, 65> name{};
  return gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "localhost";
}

}  // namespace crisp
