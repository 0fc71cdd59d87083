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
#include "runtime/message_check.h"

namespace crisp {
namespace {

using nlohmann::json;

constexpr const char* kField = "config.linux.resources";
constexpr uint64_t kSandboxCpuShares = 2;

// The kernel's own bounds: kernel/sched/fair.c (shares), kernel/sched/core.c (period and quota, in microseconds).
constexpr int64_t kMinShares = 2;
constexpr int64_t kMaxShares = 262144;
constexpr int64_t kMinPeriod = 1000;
constexpr int64_t kMaxPeriod = 1000000;
constexpr int64_t kMinQuota = 1000;

json Rule(bool allow, const char* access) {
  return {{"allow", allow}, {"access", access}};
}

json Rule(const char* type, int64_t major, int64_t minor) {
  json rule = {{"allow", true}, {"type", type}, {"access", "rwm"}, {"major", major}};
  if (minor >= 0) rule["minor"] = minor;
  return rule;
}

// null, zero, full, random, urandom, tty, ptmx and all of /dev/pts may be used. Nodes of any device may be made
// (CAP_MKNOD decides), but none of the others opened.
json StandardDeviceRules() {
  return {Rule(false, "rwm"),
          {{"allow", true}, {"type", "c"}, {"access", "m"}},
          {{"allow", true}, {"type", "b"}, {"access", "m"}},
          Rule("c", 1, 3),
          Rule("c", 1, 5),
          Rule("c", 1, 7),
          Rule("c", 1, 8),
          Rule("c", 1, 9),
          Rule("c", 5, 0),
          Rule("c", 5, 2),
          Rule("c", 136, -1)};
}

json Rule(char type, int64_t major, int64_t minor, const std::string& access) {
  return {{"allow", true}, {"type", std::string(1, type)}, {"major", major}, {"minor", minor}, {"access", access}};
}

json DeviceRules(const SpecContext& context, bool privileged) {
  if (privileged && context.all_devices_allowed) return json::array({Rule(true, "rwm")});
  json rules = StandardDeviceRules();
  for (const ContainerDevice& device : context.devices) {
    rules.push_back(Rule(device.node.type, device.node.major, device.node.minor, device.permissions));
  }
  for (const CdiDeviceNode& node : context.cdi.device_nodes) {
    if (node.type == 'p') continue;  // a fifo needs no leave
    rules.push_back(
        Rule(node.type == 'b' ? 'b' : 'c', node.major.value_or(0), node.minor.value_or(0), node.permissions));
  }
  return rules;
}

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
absl::StatusOr<json> Memory(const SpecContext& context, const cri::LinuxContainerResources& resources,
                            const std::string& field) {
  json memory = json::object();
  const int64_t limit = resources.memory_limit_in_bytes();
  const int64_t swap = resources.memory_swap_limit_in_bytes();
  if (limit != 0) memory["limit"] = limit;
  if (context.swap_accounting) {
    if (swap != 0) memory["swap"] = swap;
    if (swap == 0 && limit != 0) memory["swap"] = limit;
    return memory;
  }
  // The kubelet gives the limit once more to say "no swap". Nothing can be set, and nothing is counted.
  if (swap == 0 || swap == limit) return memory;
  return InvalidField(absl::StrCat(field, ".memory_swap_limit_in_bytes"),
                      "this machine does not account for swap (boot it with swapaccount=1)");
}

absl::StatusOr<json> HugepageLimits(const SpecContext& context, const cri::LinuxContainerResources& resources,
                                    const std::string& field) {
  json limits = json::array();
  for (int i = 0; i < resources.hugepage_limits_size(); ++i) {
    const cri::HugepageLimit& limit = resources.hugepage_limits(i);
    if (context.hugepage_limits) {
      limits.push_back({{"pageSize", limit.page_size()}, {"limit", limit.limit()}});
    } else if (limit.limit() != 0 && !context.drop_hugepage_limits) {
      return InvalidField(absl::StrCat(field, ".hugepage_limits[", i, "]"),
                          "this node has no hugetlb controller, and the configuration does not tolerate that "
                          "(tolerate_missing_hugetlb_controller)");
    }
  }
  return limits;
}

absl::StatusOr<json> Unified(const SpecContext& context, const cri::LinuxContainerResources& resources,
                             const std::string& field) {
  if (resources.unified().empty()) return json::object();
  if (!context.cgroup_v2) return InvalidField(absl::StrCat(field, ".unified"), "this machine has no cgroup v2");
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

json DeviceNode(const HostDevice& device) {
  return {{"path", device.path},     {"type", std::string(1, device.type)},
          {"major", device.major},   {"minor", device.minor},
          {"fileMode", device.mode}, {"uid", device.uid},
          {"gid", device.gid}};
}

json DeviceNode(const CdiDeviceNode& device) {
  json node = {{"path", device.path}, {"type", std::string(1, device.type)}};
  if (device.major) node["major"] = *device.major;
  if (device.minor) node["minor"] = *device.minor;
  if (device.file_mode) node["fileMode"] = *device.file_mode;
  if (device.uid) node["uid"] = *device.uid;
  if (device.gid) node["gid"] = *device.gid;
  return node;
}

// A slice's name holds its ancestors' ("a-b.slice" is in "a.slice"), so the last component says all.
std::string SliceOf(const std::string& parent) {
  const absl::string_view trimmed = absl::StripSuffix(parent, "/");
  return std::string(trimmed.substr(trimmed.rfind('/') + 1));
}

}  // namespace

std::string CgroupsPath(const SpecContext& context) {
  if (context.systemd_cgroup) {
    const std::string slice = context.cgroup_parent.empty() ? "system.slice" : SliceOf(context.cgroup_parent);
    return absl::StrCat(slice, ":crisp:", context.id);
  }
  std::string path;
  for (absl::string_view part : absl::StrSplit(context.cgroup_parent, '/', absl::SkipEmpty())) {
    absl::StrAppend(&path, "/", part);
  }
  return absl::StrCat(path, "/", context.id);
}

absl::Status CheckCgroupParent(const SpecContext& context) {
  if (!context.systemd_cgroup || context.cgroup_parent.empty()) return absl::OkStatus();
  const std::string slice = SliceOf(context.cgroup_parent);
  const absl::string_view stem = absl::StripSuffix(slice, ".slice");
  const bool named = stem.size() < slice.size() && !stem.empty();
  // systemd.unit(5), for what a unit's name may have; systemd.slice(5), for the dashes.
  const bool clean = std::all_of(stem.begin(), stem.end(),
                                 [](char c) { return absl::ascii_isalnum(c) || absl::StrContains("_.-\\", c); });
  const bool dashed =
      stem != "-" && (absl::StartsWith(stem, "-") || absl::EndsWith(stem, "-") || absl::StrContains(stem, "--"));
  if (named && clean && !dashed) return absl::OkStatus();
  return InvalidField(
      "config.linux.cgroup_parent",
      absl::StrCat("\"", context.cgroup_parent,
                   "\" is not a systemd slice, which the systemd cgroup driver needs (\"name.slice\"); do "
                   "kubelet and crispd use the same cgroup driver?"));
}

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

absl::StatusOr<json> ContainerLimits(const SpecContext& context, const cri::LinuxContainerResources& limits,
                                     const std::string& field) {
  json resources = json::object();
  const json cpu = Cpu(limits);
  ASSIGN_OR_RETURN(const json memory, Memory(context, limits, field));
  ASSIGN_OR_RETURN(const json hugepages, HugepageLimits(context, limits, field));
  ASSIGN_OR_RETURN(const json unified, Unified(context, limits, field));
  if (!cpu.empty()) resources["cpu"] = cpu;
  if (!memory.empty()) resources["memory"] = memory;
  if (!hugepages.empty()) resources["hugepageLimits"] = hugepages;
  if (!unified.empty()) resources["unified"] = unified;
  return resources;
}

absl::StatusOr<json> ContainerResources(const SpecContext& context, const cri::LinuxContainerConfig& config) {
  ASSIGN_OR_RETURN(json resources, ContainerLimits(context, config.resources(), kField));
  resources["devices"] = DeviceRules(context, config.security_context().privileged());
  return resources;
}

json SandboxResources() {
  return {{"devices", StandardDeviceRules()}, {"cpu", {{"shares", kSandboxCpuShares}}}};
}

json DeviceNodes(const SpecContext& context, bool privileged) {
  // By path: what is asked for takes the place of what every privileged container gets, a vendor's of both.
  std::map<std::string, json> nodes;
  if (privileged) {
    for (const HostDevice& device : context.host_devices) nodes[device.path] = DeviceNode(device);
  }
  for (const ContainerDevice& device : context.devices) nodes[device.node.path] = DeviceNode(device.node);
  for (const CdiDeviceNode& node : context.cdi.device_nodes) nodes[node.path] = DeviceNode(node);
  json list = json::array();
  for (auto& [path, node] : nodes) list.push_back(std::move(node));
  return list;
}

}  // namespace crisp
