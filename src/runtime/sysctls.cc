#include "runtime/sysctls.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "runtime/field_error.h"
#include "runtime/message_check.h"

namespace crisp {
namespace {

constexpr std::array<absl::string_view, 8> kOfIpcNamespace = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                                              "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                                              "kernel.shmmni", "kernel.shm_rmid_forced"};

bool IsOfIpcNamespace(absl::string_view name) {
  return absl::StartsWith(name, "fs.mqueue.") ||
         std::find(kOfIpcNamespace.begin(), kOfIpcNamespace.end(), name) != kOfIpcNamespace.end();
}

bool MayStandInName(char c) {
  return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_' || c == '-' || c == '.' || c == '/';
}

// sysctl(8) takes "a.b.c" and "a/b/c". No empty component may pass: the runtime makes a path below /proc/sys of it, and
// "net./../kernel/core_pattern" must not lead out of net.
absl::StatusOr<std::string> WithDots(const std::string& name, absl::string_view field) {
  if (!std::all_of(name.begin(), name.end(), MayStandInName)) {
    return InvalidField(field, "the name has a character that no sysctl of a pod has");
  }
  if (absl::StrContains(name, '.') && absl::StrContains(name, '/')) {
    return InvalidField(field, "the name mixes '.' and '/' as separators; use one of them");
  }
  std::string dotted = absl::StrReplaceAll(name, {{"/", "."}});
  for (absl::string_view part : absl::StrSplit(dotted, '.')) {
    if (part.empty()) return InvalidField(field, "the name has an empty component");
  }
  return dotted;
}

absl::Status CheckOwned(absl::string_view name, const cri::NamespaceOption& options, absl::string_view field) {
  if (IsOfIpcNamespace(name)) {
    if (options.ipc() != cri::NODE) return absl::OkStatus();
    return InvalidField(field, "belongs to the IPC namespace, and the pod uses the host's");
  }
  if (absl::StartsWith(name, "net.")) {
    if (options.network() != cri::NODE) return absl::OkStatus();
    return InvalidField(field, "belongs to the network namespace, and the pod uses the host's");
  }
  return InvalidField(field, "belongs to no namespace of a pod, so it would change the whole node");
}

absl::Status CheckValue(const std::string& value, absl::string_view field) {
  // Some take several numbers with tabs between, as the kernel prints them.
  const std::string spaced = absl::StrReplaceAll(value, {{"\t", " "}});
  if (HasControlCharacter(spaced) || absl::StrContains(spaced, '+')) {
    return InvalidField(field, "the value has a character that no sysctl of a pod takes");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> PodSysctls(const cri::PodSandboxConfig& pod) {
  // In order, so that of several faults the same one is named each time.
  const std::map<std::string, std::string> asked(pod.linux().sysctls().begin(), pod.linux().sysctls().end());
  std::map<std::string, std::string> sysctls;
  for (const auto& [name, value] : asked) {
    const std::string field = absl::StrCat("config.linux.sysctls[\"", name, "\"]");
    ASSIGN_OR_RETURN(const std::string dotted, WithDots(name, field));
    RETURN_IF_ERROR(CheckOwned(dotted, pod.linux().security_context().namespace_options(), field));
    RETURN_IF_ERROR(CheckValue(value, field));
    if (!sysctls.emplace(dotted, value).second) return InvalidField(field, "is given twice, in two spellings");
  }
  return sysctls;
}

void AddUnprivilegedSysctls(bool ports, bool icmp, const cri::PodSandboxConfig& pod,
                            std::map<std::string, std::string>* sysctls) {
  const cri::NamespaceOption& options = pod.linux().security_context().namespace_options();
  if (options.network() == cri::NODE) return;
  if (ports) sysctls->emplace("net.ipv4.ip_unprivileged_port_start", "0");
  // The groups must be mapped into the user namespace that the network belongs to.
  const bool mapped = options.has_userns_options() && options.userns_options().mode() == cri::POD;
  if (icmp && !mapped) sysctls->emplace("net.ipv4.ping_group_range", "0 2147483647");
}

}  // namespace crisp
