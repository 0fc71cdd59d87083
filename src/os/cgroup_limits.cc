#include "os/cgroup_limits.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr uint64_t kMinShares = 2;
constexpr uint64_t kMaxShares = 262144;

absl::Status Write(const cgroup::Dir& dir, const std::string& file, const std::string& value) {
  return Annotate(WriteFileAt(AT_FDCWD, absl::StrCat(dir.path, "/", file), value, 0), absl::StrCat("set ", value));
}

// The cgroup of a v1 controller, else that of v2, which has all other controllers.
const cgroup::Dir* Find(const cgroup::Dirs& dirs, std::string_view controller) {
  const cgroup::Dir* v2 = nullptr;
  for (const cgroup::Dir& dir : dirs) {
    if (dir.Has(controller)) return &dir;
    if (dir.v2) v2 = &dir;
  }
  return v2;
}

// The kernel checks each of the two values against the other, so a period that it refuses before the new quota is set
// may be valid after.
absl::Status SetBandwidthV1(const cgroup::Dir& dir, const CgroupLimits& limits) {
  const auto set_period = [&] { return Write(dir, "cpu.cfs_period_us", absl::StrCat(*limits.cpu_period)); };
  absl::Status period = limits.cpu_period ? set_period() : absl::OkStatus();
  if (limits.cpu_quota) RETURN_IF_ERROR(Write(dir, "cpu.cfs_quota_us", absl::StrCat(*limits.cpu_quota)));
  return ErrnoOf(period) == EINVAL ? set_period() : period;
}

absl::Status SetBandwidthV2(const cgroup::Dir& dir, const CgroupLimits& limits) {
  // In cpu.max the quota comes first; without a period the kernel keeps the old one.
  if (!limits.cpu_quota) return absl::OkStatus();
  std::string value = *limits.cpu_quota < 0 ? "max" : absl::StrCat(*limits.cpu_quota);
  if (limits.cpu_period) absl::StrAppend(&value, " ", *limits.cpu_period);
  return Write(dir, "cpu.max", value);
}

absl::Status SetCpu(const cgroup::Dir& dir, const CgroupLimits& limits) {
  if (limits.cpu_shares) {
    RETURN_IF_ERROR(dir.v2 ? Write(dir, "cpu.weight", absl::StrCat(CpuWeight(*limits.cpu_shares)))
                           : Write(dir, "cpu.shares", absl::StrCat(*limits.cpu_shares)));
  }
  return dir.v2 ? SetBandwidthV2(dir, limits) : SetBandwidthV1(dir, limits);
}

absl::Status SetMemory(const cgroup::Dir& dir, int64_t limit) {
  if (!dir.v2) return Write(dir, "memory.limit_in_bytes", absl::StrCat(limit));
  return Write(dir, "memory.max", limit < 0 ? "max" : absl::StrCat(limit));
}

absl::Status SetHugepages(const cgroup::Dir& dir, const std::string& size, uint64_t limit) {
  const std::string value = absl::StrCat(limit);
  const std::string prefix = absl::StrCat("hugetlb.", size, ".");
  if (dir.v2) return Write(dir, prefix + "max", value);
  RETURN_IF_ERROR(Write(dir, prefix + "limit_in_bytes", value));
  // Limits pages that are reserved but not yet used; Linux 5.7.
  const std::string reserved = prefix + "rsvd.limit_in_bytes";
  return Exists(absl::StrCat(dir.path, "/", reserved)) ? Write(dir, reserved, value) : absl::OkStatus();
}

absl::Status NoController(std::string_view name) {
  return absl::InternalError(absl::StrCat("this machine has no cgroup controller ", std::string(name)));
}

}  // namespace

uint64_t CpuWeight(uint64_t shares) {
  const uint64_t inside = std::clamp(shares, kMinShares, kMaxShares);
  return 1 + (inside - kMinShares) * 9999 / (kMaxShares - kMinShares);
}

absl::Status SetCgroupLimits(const cgroup::Dirs& dirs, const CgroupLimits& limits) {
  if (limits.cpu_shares || limits.cpu_quota || limits.cpu_period) {
    const cgroup::Dir* const cpu = Find(dirs, "cpu");
    if (cpu == nullptr) return NoController("cpu");
    RETURN_IF_ERROR(SetCpu(*cpu, limits));
  }
  if (limits.memory) {
    const cgroup::Dir* const memory = Find(dirs, "memory");
    if (memory == nullptr) return NoController("memory");
    RETURN_IF_ERROR(SetMemory(*memory, *limits.memory));
  }
  for (const auto& [size, limit] : limits.hugepages) {
    const cgroup::Dir* const hugetlb = Find(dirs, "hugetlb");
    if (hugetlb == nullptr) return NoController("hugetlb");
    RETURN_IF_ERROR(SetHugepages(*hugetlb, size, limit));
  }
  return absl::OkStatus();
}

}  // namespace crisp
