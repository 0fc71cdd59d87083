#include "runtime/spec_resources.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "runtime/field_error.h"
#include "runtime/spec_devices.h"

namespace crisp {
namespace {

using nlohmann::json;

constexpr const char* kField = "config.linux.resources";

// The kernel's own bounds: kernel/sched/fair.c (shares), kernel/sched/core.c (period and quota, in microseconds).
constexpr int64_t kMinShares = 2;
constexpr int64_t kMaxShares = 262144;
constexpr int64_t kMinPeriod = 1000;
constexpr int64_t kMaxPeriod = 1000000;
constexpr int64_t kMinQuota = 1000;

json Cpu(const cri::LinuxContainerResources& resources) {
  json cpu = json::object();
  if (resources.cpu_shares() != 0) cpu["shares"] = resources.cpu_shares();
  if (resources.cpu_quota() != 0) cpu["quota"] = resources.cpu_quota();
  if (resources.cpu_period() != 0) cpu["period"] = resources.cpu_period();
  if (!resources.cpuset_cpus().empty()) cpu["cpus"] = resources.cpuset_cpus();
  if (!resources.cpuset_mems().empty()) cpu["mems"] = resources.cpuset_mems();
  return cpu;
}

// A limit of memory alone would let a container swap without end, so memory and swap together get the same one. A
// limit on swap is in CRI, as in runtime-spec, one on both together.
absl::StatusOr<json> Memory(const HostFacts& host, const cri::LinuxContainerResources& resources,
                            const std::string& field) {
  json memory = json::object();
  const int64_t limit = resources.memory_limit_in_bytes();
  const int64_t swap = resources.memory_swap_limit_in_bytes();
  if (limit != 0) memory["limit"] = limit;
  if (host.swap_accounting) {
    if (swap != 0) memory["swap"] = swap;
    if (swap == 0 && limit != 0) memory["swap"] = limit;
    return memory;
  }
  // The kubelet gives the limit once more to say "no swap". Nothing can be set, and nothing is counted.
  if (swap == 0 || swap == limit) return memory;
  return InvalidField(absl::StrCat(field, ".memory_swap_limit_in_bytes"),
                      "this machine does not account for swap (boot it with swapaccount=1)");
}

absl::StatusOr<json> HugepageLimits(const HostFacts& host, const cri::LinuxContainerResources& resources,
                                    const std::string& field) {
  json limits = json::array();
  for (int i = 0; i < resources.hugepage_limits_size(); ++i) {
    const cri::HugepageLimit& limit = resources.hugepage_limits(i);
    if (host.hugepage_limits) {
      limits.push_back({{"pageSize", limit.page_size()}, {"limit", limit.limit()}});
    } else if (limit.limit() != 0 && !host.drop_hugepage_limits) {
      return InvalidField(absl::StrCat(field, ".hugepage_limits[", i, "]"),
                          "this node has no hugetlb controller, and the configuration does not tolerate that "
                          "(tolerate_missing_hugetlb_controller)");
    }
  }
  return limits;
}

absl::StatusOr<json> Unified(const HostFacts& host, const cri::LinuxContainerResources& resources,
                             const std::string& field) {
  if (resources.unified().empty()) return json::object();
  if (!host.cgroup_v2) return InvalidField(absl::StrCat(field, ".unified"), "this machine has no cgroup v2");
  return json(std::map<std::string, std::string>(resources.unified().begin(), resources.unified().end()));
}

absl::Status CheckCpu(const cri::LinuxContainerResources& resources, const std::string& field) {
  const int64_t shares = resources.cpu_shares();
  const int64_t period = resources.cpu_period();
  const int64_t quota = resources.cpu_quota();
  if (shares != 0 && (shares < kMinShares || shares > kMaxShares)) {
    return InvalidField(absl::StrCat(field, ".cpu_shares"),
                        absl::StrCat(shares, " is neither 0 nor within ", kMinShares, " and ", kMaxShares));
  }
  if (period != 0 && (period < kMinPeriod || period > kMaxPeriod)) {
    return InvalidField(
        absl::StrCat(field, ".cpu_period"),
        absl::StrCat(period, " is neither 0 nor within ", kMinPeriod, " and ", kMaxPeriod, " microseconds"));
  }
  if (quota < -1 || (quota > 0 && quota < kMinQuota)) {
    return InvalidField(absl::StrCat(field, ".cpu_quota"), absl::StrCat(quota, " is neither -1 (none), 0 (unset) nor ",
                                                                        kMinQuota, " microseconds or more"));
  }
  return absl::OkStatus();
}

absl::Status CheckMemory(const cri::LinuxContainerResources& resources, const std::string& field) {
  const int64_t limit = resources.memory_limit_in_bytes();
  const int64_t swap = resources.memory_swap_limit_in_bytes();
  if (limit < 0)
    return InvalidField(absl::StrCat(field, ".memory_limit_in_bytes"), absl::StrCat(limit, " is negative"));
  const std::string swap_field = absl::StrCat(field, ".memory_swap_limit_in_bytes");
  if (swap < -1)
    return InvalidField(swap_field, absl::StrCat(swap, " is neither -1 (no limit), 0 (unset) nor positive"));
  if (swap > 0 && limit == 0) return InvalidField(swap_field, "a limit on swap needs memory_limit_in_bytes");
  if (swap > 0 && swap < limit) {
    return InvalidField(swap_field, "is less than memory_limit_in_bytes; it limits memory and swap together");
  }
  return absl::OkStatus();
}

// "0-3,7" as in cpuset(7), List format. Which of the numbers exist is the kernel's to know.
bool IsNumberList(absl::string_view text) {
  for (absl::string_view range : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> ends = absl::StrSplit(range, absl::MaxSplits('-', 1));
    uint32_t first = 0;
    uint32_t last = 0;
    const bool digits =
        std::all_of(range.begin(), range.end(), [](char c) { return absl::ascii_isdigit(c) || c == '-'; });
    if (!digits || !absl::SimpleAtoi(ends.first, &first)) return false;
    if (absl::StrContains(range, '-') && (!absl::SimpleAtoi(ends.second, &last) || last < first)) return false;
  }
  return true;
}

absl::Status CheckCpuset(const std::string& list, const std::string& field) {
  if (list.empty() || IsNumberList(list)) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("\"", list, "\" is not a list like 0-2,7"));
}

// "2MB", "1GB", "64KB": the form of the hugetlb controller's files.
bool IsPageSize(absl::string_view text) {
  for (const char* unit : {"KB", "MB", "GB"}) {
    absl::string_view number = text;
    if (!absl::ConsumeSuffix(&number, unit)) continue;
    return !number.empty() && std::all_of(number.begin(), number.end(), absl::ascii_isdigit);
  }
  return false;
}

// A key is a file's name in the cgroup's directory, and only those of the controllers may be written.
bool IsUnifiedKey(absl::string_view key) {
  constexpr std::array<const char*, 8> kControllers = {"cpu.",     "cpuset.", "io.",   "memory.",
                                                       "hugetlb.", "pids.",   "rdma.", "misc."};
  return std::all_of(key.begin(), key.end(), [](char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_'; }) &&
         std::any_of(kControllers.begin(), kControllers.end(),
                     [&](const char* prefix) { return absl::StartsWith(key, prefix) && key != prefix; });
}

absl::Status CheckUnified(const cri::LinuxContainerResources& resources, const std::string& field) {
  for (const auto& [key, value] : resources.unified()) {
    const std::string name = absl::StrCat(field, ".unified[\"", key, "\"]");
    if (!IsUnifiedKey(key)) return InvalidField(name, "is not a file of a cgroup v2 controller");
    if (value.empty()) return InvalidField(name, "has no value");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckResources(const cri::LinuxContainerResources& resources, const std::string& field) {
  RETURN_IF_ERROR(CheckCpu(resources, field));
  RETURN_IF_ERROR(CheckMemory(resources, field));
  RETURN_IF_ERROR(CheckCpuset(resources.cpuset_cpus(), absl::StrCat(field, ".cpuset_cpus")));
  RETURN_IF_ERROR(CheckCpuset(resources.cpuset_mems(), absl::StrCat(field, ".cpuset_mems")));
  if (resources.oom_score_adj() < -1000 || resources.oom_score_adj() > 1000) {
    return InvalidField(absl::StrCat(field, ".oom_score_adj"),
                        absl::StrCat(resources.oom_score_adj(), " is not within -1000 and 1000"));
  }
  for (int i = 0; i < resources.hugepage_limits_size(); ++i) {
    const std::string& size = resources.hugepage_limits(i).page_size();
    if (IsPageSize(size)) continue;
    return InvalidField(absl::StrCat(field, ".hugepage_limits[", i, "].page_size"),
                        absl::StrCat("\"", size, "\" is not a size like 2MB"));
  }
  return CheckUnified(resources, field);
}

absl::StatusOr<json> ContainerLimits(const HostFacts& host, const cri::LinuxContainerResources& limits,
                                     const std::string& field) {
  json resources = json::object();
  const json cpu = Cpu(limits);
  ASSIGN_OR_RETURN(const json memory, Memory(host, limits, field));
  ASSIGN_OR_RETURN(const json hugepages, HugepageLimits(host, limits, field));
  ASSIGN_OR_RETURN(const json unified, Unified(host, limits, field));
  if (!cpu.empty()) resources["cpu"] = cpu;
  if (!memory.empty()) resources["memory"] = memory;
  if (!hugepages.empty()) resources["hugepageLimits"] = hugepages;
  if (!unified.empty()) resources["unified"] = unified;
  return resources;
}

absl::StatusOr<json> ContainerResources(const HostFacts& host, const ContainerContext& context,
                                        const cri::LinuxContainerConfig& config) {
  ASSIGN_OR_RETURN(json resources, ContainerLimits(host, config.resources(), kField));
  resources["devices"] = DeviceRules(context, config.security_context().privileged());
  return resources;
}

json SandboxResources() {
  return {{"devices", StandardDeviceRules()}, {"cpu", {{"shares", kMinShares}}}};
}

int EffectiveOomScoreAdj(const HostFacts& host, int64_t asked) {
  return std::max(static_cast<int>(asked), host.oom_score_adj_floor);
}

}  // namespace crisp
