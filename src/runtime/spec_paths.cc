#include "runtime/spec_paths.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "os/path.h"

namespace crisp {
namespace {

// Its files can switch the machine's power limits, and tell one container of another's work (CVE-2020-8694).
constexpr const char* kPowercap = "/sys/devices/virtual/powercap";

// What the kubelet asks for where a container's procMount is Default.
constexpr const char* kUsuallyMasked[] = {"/proc/acpi",          "/proc/asound",      "/proc/kcore", "/proc/keys",
                                          "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",  "/proc/timer_list",
                                          "/proc/timer_stats",   "/sys/firmware",     kPowercap};
constexpr const char* kUsuallyReadonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

std::vector<std::string> Distinct(const std::vector<std::string>& paths) {
  std::vector<std::string> distinct;
  std::set<std::string> seen;
  for (const std::string& path : paths) {
    std::string normal = LexicallyNormalPath(path);
    if (seen.insert(normal).second) distinct.push_back(std::move(normal));
  }
  return distinct;
}

}  // namespace

// Kubelets name kPowercap since Kubernetes 1.31, older ones do not.
std::vector<std::string> MaskedPaths(const HostFacts& host, const cri::LinuxContainerSecurityContext& security) {
  std::vector<std::string> paths(security.masked_paths().begin(), security.masked_paths().end());
  if (!paths.empty()) paths.emplace_back(kPowercap);
  if (host.disable_proc_mount) paths.insert(paths.end(), std::begin(kUsuallyMasked), std::end(kUsuallyMasked));
  return Distinct(paths);
}

std::vector<std::string> ReadonlyPaths(const HostFacts& host, const cri::LinuxContainerSecurityContext& security) {
  std::vector<std::string> paths(security.readonly_paths().begin(), security.readonly_paths().end());
  if (host.disable_proc_mount) paths.insert(paths.end(), std::begin(kUsuallyReadonly), std::end(kUsuallyReadonly));
  return Distinct(paths);
}

}  // namespace crisp
