#include "doctor/sysctl_check.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "doctor/finding.h"
#include "doctor/subject.h"

namespace crisp {
namespace {

constexpr uint64_t kNearlyFull = 90;     // percent
constexpr uint64_t kFewInstances = 128;  // the kernel's default; each kubelet, crispd and log agent takes several

std::string PathOf(const std::string& sysctl) {
  return absl::StrCat("/proc/sys/", absl::StrReplaceAll(sysctl, {{".", "/"}}));
}

std::optional<uint64_t> NumberOf(const HostTree& tree, const std::string& sysctl) {
  uint64_t value = 0;
  if (!absl::SimpleAtoi(tree.ReadLine(PathOf(sysctl)), &value)) return std::nullopt;
  return value;
}

std::string SetIt(const std::string& sysctl, const char* value) {
  return absl::StrCat("sysctl -w ", sysctl, "=", value, ", and the same line in /etc/sysctl.d/k8s.conf");
}

void LookAtForwarding(const HostTree& tree, Findings* findings) {
  const std::string name = "net.ipv4.ip_forward";
  if (NumberOf(tree, name) == 1) return findings->Ok("ip_forward", name, "1");
  findings->Warn("ip_forward", name, "is not 1: pods reach nothing outside the node, and kubeadm's preflight fails",
                 SetIt(name, "1"));
}

// Traffic of a bridge passes iptables, and so services, only with these. Networks without a bridge do not need them.
void LookAtBridges(const HostTree& tree, Findings* findings) {
  for (const std::string name : {"net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables"}) {
    const std::optional<uint64_t> value = NumberOf(tree, name);
    if (value == 1) {
      findings->Ok("bridge_netfilter", name, "1");
    } else if (value.has_value()) {
      findings->Warn("bridge_netfilter", name, "is 0: services do not reach pods on the same bridge", SetIt(name, "1"));
    } else {
      findings->Note("bridge_netfilter", name, "is not there: the module br_netfilter is not loaded",
                     "modprobe br_netfilter, and name it in /etc/modules-load.d, if pods are on a bridge");
    }
  }
}

void LookAtConntrack(const HostTree& tree, Findings* findings) {
  const std::string name = "net.netfilter.nf_conntrack_count";
  const std::optional<uint64_t> count = NumberOf(tree, name);
  const std::optional<uint64_t> most = NumberOf(tree, "net.netfilter.nf_conntrack_max");
  if (!count.has_value() || !most.has_value() || *most == 0) {
    return findings->Note("conntrack", name, "is not there: kube-proxy and host ports load it when they need it");
  }
  const std::string text = absl::StrCat(*count, " of ", *most, " connections");
  if (*count * 100 < *most * kNearlyFull) return findings->Ok("conntrack", name, text);
  findings->Problem("conntrack", name, absl::StrCat(text, ": new connections of the node and its pods are dropped"),
                    "raise net.netfilter.nf_conntrack_max");
}

void LookAtInotify(const HostTree& tree, Findings* findings) {
  const std::string name = "fs.inotify.max_user_instances";
  const std::optional<uint64_t> most = NumberOf(tree, name);
  if (!most.has_value()) return findings->Note("inotify", name, "cannot be read");
  if (*most > kFewInstances) return findings->Ok("inotify", name, absl::StrCat(*most));
  findings->Note("inotify", name, absl::StrCat(*most, ": with many pods, programs fail with \"too many open files\""),
                 SetIt(name, "8192"));
}

}  // namespace

void CheckSysctls(const Subject& subject, Findings* findings, const CallContext&) {
  LookAtForwarding(subject.tree, findings);
  LookAtBridges(subject.tree, findings);
  LookAtConntrack(subject.tree, findings);
  LookAtInotify(subject.tree, findings);
}

}  // namespace crisp
