#include "sandbox/pod_files.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "os/file.h"
#include "sandbox/node_facts.h"

namespace crisp {
namespace {

constexpr size_t kMaxHostFile = 1 << 20;

// The node's own file, or nothing where it has none: a pod must start on such a node too.
std::string NodeFile(const std::string& path) {
  const auto text = ReadFileAt(AT_FDCWD, path, kMaxHostFile);
  return text.ok() ? *text : "";
}

// resolv.conf(5).
std::string ResolvConf(const cri::DNSConfig& dns) {
  std::string text;
  if (!dns.searches().empty()) absl::StrAppend(&text, "search ", absl::StrJoin(dns.searches(), " "), "\n");
  for (const std::string& server : dns.servers()) absl::StrAppend(&text, "nameserver ", server, "\n");
  if (!dns.options().empty()) absl::StrAppend(&text, "options ", absl::StrJoin(dns.options(), " "), "\n");
  return text;
}

}  // namespace

bool UsesHostNetwork(const cri::PodSandboxConfig& config) {
  return config.linux().security_context().namespace_options().network() == cri::NODE;
}

std::string PodHostname(const cri::PodSandboxConfig& config) {
  return config.hostname().empty() ? NodeHostname() : config.hostname();
}

absl::Status WritePodFiles(const Layout& layout, const std::string& pod_id, const cri::PodSandboxConfig& config) {
  // An empty configuration asks for nothing, as none does.
  const std::string own = ResolvConf(config.dns_config());
  const std::string resolv_conf = own.empty() ? NodeFile("/etc/resolv.conf") : own;
  RETURN_IF_ERROR(WriteFileAt(AT_FDCWD, layout.ResolvConf(pod_id), resolv_conf, 0644));
  RETURN_IF_ERROR(WriteFileAt(AT_FDCWD, layout.Hosts(pod_id), NodeFile("/etc/hosts"), 0644));
  return WriteFileAt(AT_FDCWD, layout.Hostname(pod_id), absl::StrCat(PodHostname(config), "\n"), 0644);
}

}  // namespace crisp
