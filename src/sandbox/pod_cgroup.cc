#include "sandbox/pod_cgroup.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "os/cgroup.h"
#include "os/cgroup_limits.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr int64_t kDefaultPeriod = 100000;  // microseconds, of the kernel

int64_t PeriodOf(const cri::LinuxContainerResources& resources) {
  return resources.cpu_period() > 0 ? resources.cpu_period() : kDefaultPeriod;
}

// What the two ask for together. The overhead alone limits nothing: it is on top of what the containers may use.
CgroupLimits LimitsOf(const cri::LinuxContainerResources& overhead, const cri::LinuxContainerResources& resources) {
  CgroupLimits limits;
  if (resources.cpu_shares() > 0) {
    limits.cpu_shares = static_cast<uint64_t>(resources.cpu_shares() + std::max<int64_t>(0, overhead.cpu_shares()));
  }
  if (resources.cpu_period() > 0) limits.cpu_period = static_cast<uint64_t>(resources.cpu_period());
  if (resources.cpu_quota() < 0) limits.cpu_quota = -1;
  if (resources.cpu_quota() > 0) {
    const double ratio = static_cast<double>(PeriodOf(resources)) / static_cast<double>(PeriodOf(overhead));
    const auto more = static_cast<int64_t>(static_cast<double>(std::max<int64_t>(0, overhead.cpu_quota())) * ratio);
    limits.cpu_quota = resources.cpu_quota() + more;
  }
  if (resources.memory_limit_in_bytes() > 0) {
    limits.memory = resources.memory_limit_in_bytes() + std::max<int64_t>(0, overhead.memory_limit_in_bytes());
  }
  for (const cri::HugepageLimit& hugepages : resources.hugepage_limits()) {
    limits.hugepages[hugepages.page_size()] = hugepages.limit();
  }
  return limits;
}

}  // namespace

std::string PodCgroupName(const PodRecord& pod, bool systemd) {
  if (pod.config().linux().cgroup_parent().empty()) return "";
  const std::string& path = pod.cgroups_path();
  const std::string name = path.substr(0, systemd ? path.find(':') : path.rfind('/'));
  return name == "-.slice" ? "" : name;
}

cgroup::Dirs PodCgroups(const PodRecord& pod, bool systemd) {
  if (PodCgroupName(pod, systemd).empty()) return {};
  auto dirs = ContainerCgroups(pod.cgroups_path(), systemd);
  if (!dirs.ok()) return {};
  for (cgroup::Dir& dir : *dirs) dir.path.resize(dir.path.rfind('/'));
  return *std::move(dirs);
}

bool PodCgroupExists(const PodRecord& pod, bool systemd) {
  const cgroup::Dirs dirs = PodCgroups(pod, systemd);
  return std::any_of(dirs.begin(), dirs.end(), [](const cgroup::Dir& dir) { return Exists(dir.path); });
}

absl::Status LimitPodCgroup(const PodRecord& pod, bool systemd) {
  if (!pod.made_pod_cgroup()) return absl::OkStatus();
  return SetCgroupLimits(PodCgroups(pod, systemd), LimitsOf(pod.updated_overhead(), pod.updated_resources()));
}

absl::Status RemovePodCgroup(const PodRecord& pod, bool systemd) {
  if (!pod.made_pod_cgroup() || systemd) return absl::OkStatus();
  for (const cgroup::Dir& dir : PodCgroups(pod, systemd)) {
    if (rmdir(dir.path.c_str()) == 0 || errno == ENOENT || errno == EBUSY || errno == ENOTEMPTY) continue;
    return ErrnoStatus(errno, absl::StrCat("remove cgroup ", dir.path));
  }
  return absl::OkStatus();
}

}  // namespace crisp
