#include "runtime/capabilities.h"

#include <linux/capability.h>

#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "runtime/field_error.h"

namespace crisp {
namespace {

constexpr const char* kField = "config.linux.security_context.capabilities";

constexpr std::array<const char*, 41> kNames = {"CHOWN",
                                                "DAC_OVERRIDE",
                                                "DAC_READ_SEARCH",
                                                "FOWNER",
                                                "FSETID",
                                                "KILL",
                                                "SETGID",
                                                "SETUID",
                                                "SETPCAP",
                                                "LINUX_IMMUTABLE",
                                                "NET_BIND_SERVICE",
                                                "NET_BROADCAST",
                                                "NET_ADMIN",
                                                "NET_RAW",
                                                "IPC_LOCK",
                                                "IPC_OWNER",
                                                "SYS_MODULE",
                                                "SYS_RAWIO",
                                                "SYS_CHROOT",
                                                "SYS_PTRACE",
                                                "SYS_PACCT",
                                                "SYS_ADMIN",
                                                "SYS_BOOT",
                                                "SYS_NICE",
                                                "SYS_RESOURCE",
                                                "SYS_TIME",
                                                "SYS_TTY_CONFIG",
                                                "MKNOD",
                                                "LEASE",
                                                "AUDIT_WRITE",
                                                "AUDIT_CONTROL",
                                                "SETFCAP",
                                                "MAC_OVERRIDE",
                                                "MAC_ADMIN",
                                                "SYSLOG",
                                                "WAKE_ALARM",
                                                "BLOCK_SUSPEND",
                                                "AUDIT_READ",
                                                "PERFMON",
                                                "BPF",
                                                "CHECKPOINT_RESTORE"};

constexpr uint64_t Bit(int number) {
  return uint64_t{1} << number;
}

absl::string_view WithoutPrefix(absl::string_view name) {
  return absl::StartsWithIgnoreCase(name, "CAP_") ? name.substr(4) : name;
}

bool IsAll(absl::string_view name) {
  return absl::EqualsIgnoreCase(WithoutPrefix(name), "ALL");
}

struct Asked {
  bool all = false;
  uint64_t named = 0;
};

absl::StatusOr<Asked> Read(const google::protobuf::RepeatedPtrField<std::string>& names, absl::string_view field) {
  Asked asked;
  for (int i = 0; i < names.size(); ++i) {
    if (IsAll(names[i])) {
      asked.all = true;
      continue;
    }
    const std::optional<int> number = CapabilityNumber(names[i]);
    if (!number) {
      return InvalidField(absl::StrCat(kField, ".", field, "[", i, "]"),
                          absl::StrCat("\"", names[i], "\" is not a capability"));
    }
    asked.named |= Bit(*number);
  }
  return asked;
}

}  // namespace

uint64_t DefaultCapabilities() {
  return Bit(CAP_CHOWN) | Bit(CAP_DAC_OVERRIDE) | Bit(CAP_FSETID) | Bit(CAP_FOWNER) | Bit(CAP_MKNOD) |
         Bit(CAP_NET_RAW) | Bit(CAP_SETGID) | Bit(CAP_SETUID) | Bit(CAP_SETFCAP) | Bit(CAP_SETPCAP) |
         Bit(CAP_NET_BIND_SERVICE) | Bit(CAP_SYS_CHROOT) | Bit(CAP_KILL) | Bit(CAP_AUDIT_WRITE);
}

std::optional<int> CapabilityNumber(absl::string_view name) {
  const absl::string_view bare = WithoutPrefix(name);
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (absl::EqualsIgnoreCase(bare, kNames[i])) return static_cast<int>(i);
  }
  return std::nullopt;
}

std::vector<std::string> CapabilityNames(uint64_t mask) {
  std::vector<std::string> names;
  for (size_t i = 0; i < kNames.size(); ++i) {
    if ((mask & Bit(static_cast<int>(i))) != 0) names.push_back(absl::StrCat("CAP_", kNames[i]));
  }
  return names;
}

absl::StatusOr<uint64_t> ContainerCapabilities(const cri::Capability& asked, uint64_t host) {
  ASSIGN_OR_RETURN(const Asked add, Read(asked.add_capabilities(), "add_capabilities"));
  ASSIGN_OR_RETURN(const Asked drop, Read(asked.drop_capabilities(), "drop_capabilities"));
  ASSIGN_OR_RETURN(const Asked ambient, Read(asked.add_ambient_capabilities(), "add_ambient_capabilities"));
  const uint64_t named = add.named | ambient.named;
  const uint64_t missing = named & ~drop.named & ~host;
  if (missing != 0) {
    const bool plain = (missing & add.named) != 0;
    return InvalidField(absl::StrCat(kField, plain ? ".add_capabilities" : ".add_ambient_capabilities"),
                        absl::StrCat(CapabilityNames(missing).front(),
                                     " is not in the bounding set of crispd itself, which cannot hand it on"));
  }
  uint64_t set = add.all ? host : DefaultCapabilities() & host;
  if (drop.all) set = 0;
  return (set | named) & ~drop.named;
}

absl::StatusOr<uint64_t> AmbientCapabilities(const cri::Capability& asked, uint64_t set) {
  ASSIGN_OR_RETURN(const Asked ambient, Read(asked.add_ambient_capabilities(), "add_ambient_capabilities"));
  return (ambient.all ? ~uint64_t{0} : ambient.named) & set;
}

}  // namespace crisp
