#include "runtime/check_sandbox.h"

#include <arpa/inet.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "runtime/check_security.h"
#include "runtime/field_error.h"
#include "runtime/message_check.h"
#include "runtime/profiles.h"
#include "runtime/selinux.h"
#include "runtime/spec_namespaces.h"
#include "runtime/sysctls.h"

namespace crisp {
namespace {

constexpr size_t kMaxHostname = 64;  // HOST_NAME_MAX; sethostname(2) takes no more
constexpr size_t kMaxPath = 4096;
constexpr int kMaxPort = 65535;
constexpr const char* kContext = "config.linux.security_context";

absl::Status CheckMetadata(const cri::PodSandboxMetadata& metadata) {
  RETURN_IF_ERROR(CheckName(metadata.name(), "config.metadata.name"));
  RETURN_IF_ERROR(CheckName(metadata.uid(), "config.metadata.uid"));
  return CheckName(metadata.namespace_(), "config.metadata.namespace");
}

// Also written to a file of its own and put into environments, so no whitespace and no slash either.
absl::Status CheckHostname(const std::string& hostname) {
  constexpr const char* kField = "config.hostname";
  if (hostname.size() > kMaxHostname) {
    return InvalidField(kField, absl::StrCat(hostname.size(), " bytes, and a host name has at most ", kMaxHostname));
  }
  if (HasControlCharacter(hostname) || hostname.find_first_of(" /") != std::string::npos) {
    return InvalidField(kField, "has a character that no host name has");
  }
  return absl::OkStatus();
}

absl::Status CheckLogDirectory(const std::string& path) {
  if (path.empty() || absl::StartsWith(path, "/")) return absl::OkStatus();
  return InvalidField("config.log_directory", absl::StrCat("\"", path, "\" is not an absolute path"));
}

bool IsAddress(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1 || inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

absl::Status CheckPort(int port, const std::string& field) {
  if (port >= 0 && port <= kMaxPort) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(port, " is not within 0 and ", kMaxPort));
}

absl::Status CheckPortMapping(const cri::PortMapping& mapping, const std::string& field) {
  if (!cri::Protocol_IsValid(mapping.protocol())) {
    return InvalidField(absl::StrCat(field, ".protocol"),
                        absl::StrCat("unknown protocol ", static_cast<int>(mapping.protocol())));
  }
  RETURN_IF_ERROR(CheckPort(mapping.container_port(), absl::StrCat(field, ".container_port")));
  RETURN_IF_ERROR(CheckPort(mapping.host_port(), absl::StrCat(field, ".host_port")));
  if (mapping.host_port() != 0 && mapping.container_port() == 0) {
    return InvalidField(absl::StrCat(field, ".container_port"), "a host_port leads to no port of the pod");
  }
  if (mapping.host_ip().empty() || IsAddress(mapping.host_ip())) return absl::OkStatus();
  return InvalidField(absl::StrCat(field, ".host_ip"),
                      absl::StrCat("\"", mapping.host_ip(), "\" is not an IP address"));
}

// They become lines of resolv.conf.
absl::Status CheckDnsList(const google::protobuf::RepeatedPtrField<std::string>& list, absl::string_view name) {
  for (int i = 0; i < list.size(); ++i) {
    const std::string field = absl::StrCat("config.dns_config.", name, "[", i, "]");
    if (list[i].empty()) return InvalidField(field, "is empty");
    if (HasControlCharacter(list[i])) return InvalidField(field, "has a control character");
  }
  return absl::OkStatus();
}

absl::Status CheckDns(const cri::DNSConfig& dns) {
  RETURN_IF_ERROR(CheckDnsList(dns.servers(), "servers"));
  RETURN_IF_ERROR(CheckDnsList(dns.searches(), "searches"));
  return CheckDnsList(dns.options(), "options");
}

absl::Status CheckParent(const std::string& parent) {
  constexpr const char* kField = "config.linux.cgroup_parent";
  if (parent.size() > kMaxPath) return InvalidField(kField, absl::StrCat(parent.size(), " bytes is too long"));
  if (HasControlCharacter(parent)) return InvalidField(kField, "has a control character");
  for (absl::string_view part : absl::StrSplit(parent, '/')) {
    if (part == ".." || part == ".") return InvalidField(kField, "has a component \"..\" or \".\"");
  }
  return absl::OkStatus();
}

absl::Status CheckUser(const cri::LinuxSandboxSecurityContext& security) {
  if (security.has_run_as_user()) {
    RETURN_IF_ERROR(CheckId(security.run_as_user().value(), absl::StrCat(kContext, ".run_as_user")));
  }
  if (security.has_run_as_group()) {
    const std::string field = absl::StrCat(kContext, ".run_as_group");
    if (!security.has_run_as_user()) return InvalidField(field, "a group without run_as_user");
    RETURN_IF_ERROR(CheckId(security.run_as_group().value(), field));
  }
  return CheckGroups(security.supplemental_groups(), security.supplemental_groups_policy(), kContext);
}

absl::Status CheckProfiles(const cri::LinuxSandboxSecurityContext& security) {
  RETURN_IF_ERROR(SeccompOf(security));
  RETURN_IF_ERROR(ApparmorOf(security));
  return CheckSelinux(security.selinux_options(), absl::StrCat(kContext, ".selinux_options"));
}

}  // namespace

// linux.overhead and linux.resources are for a runtime that must size a virtual machine; here they are only kept. The
// cgroup that they are about is the kubelet's own. readonly_rootfs is always so for a pause container.
absl::Status CheckSandboxConfig(const cri::PodSandboxConfig& pod) {
  RETURN_IF_ERROR(CheckStrings(pod, "config"));
  RETURN_IF_ERROR(CheckMetadata(pod.metadata()));
  RETURN_IF_ERROR(CheckHostname(pod.hostname()));
  RETURN_IF_ERROR(CheckLogDirectory(pod.log_directory()));
  RETURN_IF_ERROR(CheckDns(pod.dns_config()));
  for (int i = 0; i < pod.port_mappings_size(); ++i) {
    RETURN_IF_ERROR(CheckPortMapping(pod.port_mappings(i), absl::StrCat("config.port_mappings[", i, "]")));
  }
  if (pod.has_windows()) return InvalidField("config.windows", "crisp runs Linux containers");

  const cri::LinuxSandboxSecurityContext& security = pod.linux().security_context();
  RETURN_IF_ERROR(CheckParent(pod.linux().cgroup_parent()));
  RETURN_IF_ERROR(CheckNamespaceOptions(security.namespace_options(), /*of_container=*/false,
                                        absl::StrCat(kContext, ".namespace_options")));
  RETURN_IF_ERROR(CheckUser(security));
  RETURN_IF_ERROR(CheckProfiles(security));
  return PodSysctls(pod).status();
}

}  // namespace crisp
