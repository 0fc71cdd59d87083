#include "runtime/host.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/prctl.h>
#include <sys/vfs.h>

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr const char* kCgroups = "/sys/fs/cgroup";
constexpr size_t kProcLimit = 1 << 16;

absl::StatusOr<uint64_t> EffectiveCapabilities() {
  ASSIGN_OR_RETURN(const std::string status, ReadFileAt(AT_FDCWD, "/proc/self/status", kProcLimit));
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    uint64_t mask = 0;
    if (absl::ConsumePrefix(&line, "CapEff:") && absl::SimpleHexAtoi(absl::StripAsciiWhitespace(line), &mask)) {
      return mask;
    }
  }
  return absl::InternalError("/proc/self/status has no CapEff");
}

// The controllers of a v2 hierarchy's root.
bool UnifiedHas(absl::string_view controller) {
  const absl::StatusOr<std::string> all =
      ReadFileAt(AT_FDCWD, absl::StrCat(kCgroups, "/cgroup.controllers"), kProcLimit);
  if (!all.ok()) return false;
  for (absl::string_view one : absl::StrSplit(absl::StripAsciiWhitespace(*all), ' ')) {
    if (one == controller) return true;
  }
  return false;
}

}  // namespace

uint64_t HostCapabilities() {
  uint64_t mask = 0;
  for (int number = 0; number < 64; ++number) {
    const int has = prctl(PR_CAPBSET_READ, number, 0, 0, 0);
    if (has < 0) break;  // EINVAL: the kernel has no more
    if (has == 1) mask |= uint64_t{1} << number;
  }
  return mask;
}

absl::StatusOr<int> HostOomScoreAdjFloor() {
  ASSIGN_OR_RETURN(const uint64_t effective, EffectiveCapabilities());
  if ((effective & (uint64_t{1} << CAP_SYS_RESOURCE)) != 0) return -1000;
  ASSIGN_OR_RETURN(const std::string text, ReadFileAt(AT_FDCWD, "/proc/self/oom_score_adj", kProcLimit));
  int own = 0;
  if (absl::SimpleAtoi(absl::StripAsciiWhitespace(text), &own)) return own;
  return absl::InternalError(absl::StrCat("/proc/self/oom_score_adj: \"", text, "\" is not a number"));
}

bool HostHasCgroupV2() {
  struct statfs info {};
  return statfs(kCgroups, &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

bool HostAccountsForSwap() {
  if (!HostHasCgroupV2()) return Exists(absl::StrCat(kCgroups, "/memory/memory.memsw.limit_in_bytes"));
  // Not in the root cgroup, but in every other: our own tells.
  const absl::StatusOr<std::string> own = ReadFileAt(AT_FDCWD, "/proc/self/cgroup", kProcLimit);
  if (!own.ok()) return false;
  absl::string_view path = absl::StripAsciiWhitespace(*own);
  return absl::ConsumePrefix(&path, "0::") && Exists(absl::StrCat(kCgroups, path, "/memory.swap.max"));
}

bool HostLimitsHugepages() {
  return HostHasCgroupV2() ? UnifiedHas("hugetlb") : Exists(absl::StrCat(kCgroups, "/hugetlb/cgroup.procs"));
}

}  // namespace crisp
