#include "runtime/update.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/status_macros.h"
#include "os/cgroup.h"
#include "os/cgroup_limits.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "runtime/oci_runtime.h"
#include "runtime/spec_resources.h"

namespace crisp {
namespace {

using nlohmann::json;

absl::StatusOr<json> ParseSpec(absl::string_view text) {
  json spec = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (spec.is_object() && spec.contains("linux") && spec["linux"].contains("resources") && spec.contains("process")) {
    return spec;
  }
  return absl::InternalError("the container's OCI spec is damaged");
}

// Without the rules for devices, which no runtime changes and some refuse here.
std::string LimitsForRuntime(const json& spec) {
  json limits = spec["linux"]["resources"];
  limits.erase("devices");
  return limits.dump();
}

absl::StatusOr<std::string> CgroupsPathIn(const json& spec) {
  const auto path = spec["linux"].find("cgroupsPath");
  if (path != spec["linux"].end() && path->is_string()) return path->get<std::string>();
  return absl::InternalError("the container's OCI spec has no cgroupsPath");
}

absl::Status SetHugepages(const cgroup::Dirs& dirs, const cri::LinuxContainerResources& limits) {
  CgroupLimits hugepages;
  for (const cri::HugepageLimit& limit : limits.hugepage_limits())
    hugepages.hugepages[limit.page_size()] = limit.limit();
  return SetCgroupLimits(dirs, hugepages);
}

// A process that has set its own meanwhile keeps it. One that is gone needs none.
absl::Status SetOomScoreAdj(const cgroup::Dirs& dirs, int old_value, int value) {
  if (old_value == value) return absl::OkStatus();
  for (const pid_t pid : cgroup::Processes(dirs)) {
    const std::string path = absl::StrCat("/proc/", pid, "/oom_score_adj");
    const auto text = ReadFileAt(AT_FDCWD, path, 64);
    int now = 0;
    if (!text.ok() || !absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &now) || now != old_value) continue;
    const absl::Status written = WriteFileAt(AT_FDCWD, path, absl::StrCat(value), 0);
    if (!written.ok() && ErrnoOf(written) != ENOENT && ErrnoOf(written) != ESRCH) return written;
  }
  return absl::OkStatus();
}

cri::HugepageLimit* LimitOfSize(const std::string& size, cri::LinuxContainerResources* limits) {
  for (cri::HugepageLimit& limit : *limits->mutable_hugepage_limits()) {
    if (limit.page_size() == size) return &limit;
  }
  return limits->add_hugepage_limits();
}

}  // namespace

cri::LinuxContainerResources MergeLimits(const cri::LinuxContainerResources& limits,
                                         const cri::LinuxContainerResources& change) {
  cri::LinuxContainerResources merged = limits;
  // Protobuf replaces what is set and adds to lists and maps: to the maps entry by entry, as it should.
  cri::LinuxContainerResources scalars = change;
  scalars.clear_hugepage_limits();
  merged.MergeFrom(scalars);
  for (const cri::HugepageLimit& hugepages : change.hugepage_limits()) {
    *LimitOfSize(hugepages.page_size(), &merged) = hugepages;
  }
  return merged;
}

absl::StatusOr<std::string> WithLimits(const HostFacts& host, absl::string_view spec_text,
                                       const cri::LinuxContainerResources& limits, const std::string& field) {
  RETURN_IF_ERROR(CheckResources(limits, field));
  ASSIGN_OR_RETURN(json spec, ParseSpec(spec_text));
  ASSIGN_OR_RETURN(json resources, ContainerLimits(host, limits, field));
  json& old_resources = spec["linux"]["resources"];
  if (old_resources.contains("devices")) resources["devices"] = std::move(old_resources["devices"]);
  old_resources = std::move(resources);
  spec["process"]["oomScoreAdj"] = EffectiveOomScoreAdj(host, limits.oom_score_adj());
  return spec.dump();
}

absl::Status UpdateRunning(const OciRuntime& runtime, const HostFacts& host, const std::string& container_id,
                           absl::string_view spec_text, const cri::LinuxContainerResources& old_limits,
                           const cri::LinuxContainerResources& limits, const CallContext& call) {
  ASSIGN_OR_RETURN(const json spec, ParseSpec(spec_text));
  ASSIGN_OR_RETURN(const std::string cgroups_path, CgroupsPathIn(spec));
  // Not "-" for stdin: runc knows it, crun does not.
  RETURN_IF_ERROR(
      RunRuntime(runtime, {"update", "--resources", "/proc/self/fd/0", container_id}, LimitsForRuntime(spec), call));
  ASSIGN_OR_RETURN(const cgroup::Dirs dirs, ContainerCgroups(cgroups_path, runtime.systemd_cgroup));
  if (host.hugepage_limits) RETURN_IF_ERROR(SetHugepages(dirs, limits));
  return SetOomScoreAdj(dirs, EffectiveOomScoreAdj(host, old_limits.oom_score_adj()),
                        EffectiveOomScoreAdj(host, limits.oom_score_adj()));
}

}  // namespace crisp
