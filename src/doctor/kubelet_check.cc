#include "doctor/kubelet_check.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/call_context.h"
#include "doctor/finding.h"
#include "doctor/kubelet_facts.h"
#include "doctor/subject.h"

namespace crisp {
namespace {

void LookAtFile(const KubeletFacts& facts, Findings* findings) {
  for (const std::string& fault : facts.faults) {
    findings->Warn("config", "kubelet", absl::StrCat("its configuration cannot be read: ", fault),
                   "mend it, or name the file with --kubelet-config, or ask a running kubelet with --kubelet-url");
  }
  if (!facts.faults.empty()) return;
  if (!facts.config_file.empty()) return findings->Ok("config", facts.config_file, "is read");
  findings->Note(
      "config", "kubelet",
      facts.running ? "runs without a configuration file" : "no kubelet runs, and it has no configuration file here",
      "name its file with --kubelet-config, if it is in an unusual place");
}

// Whether `endpoint` is a socket of this crispd.
bool IsOurs(const Subject& subject, const std::string& endpoint) {
  const std::string path = SocketPathOf(subject.tree, endpoint);
  for (const std::string& own : {subject.config.grpc.address, subject.config.crisp.containerd_address}) {
    if (!own.empty() && path == SocketPathOf(subject.tree, own)) return true;
  }
  return false;
}

void LookAtEndpoint(const Subject& subject, const KubeletFacts& facts, Findings* findings) {
  const std::string& endpoint = facts.endpoint.value;
  if (IsOurs(subject, endpoint)) return findings->Ok("endpoint", endpoint, "leads to crispd");
  findings->Problem("endpoint", endpoint,
                    absl::StrCat("the kubelet calls this (", facts.endpoint.From(), "), and crispd listens at ",
                                 subject.config.grpc.address),
                    absl::StrCat("start the kubelet with --container-runtime-endpoint=unix://",
                                 subject.config.grpc.address, ", or write containerRuntimeEndpoint in its file"));
}

void LookAtCadvisor(const Subject& subject, const KubeletFacts& facts, Findings* findings) {
  const std::string endpoint =
      facts.containerd.value.empty() ? "/run/containerd/containerd.sock" : facts.containerd.value;
  if (IsOurs(subject, endpoint)) return findings->Ok("cadvisor", endpoint, "leads to crispd");
  findings->Warn("cadvisor", endpoint,
                 "cAdvisor looks for containers here: /metrics/cadvisor has no labels of pods, and no network of them",
                 absl::StrCat("start the kubelet with --containerd=", subject.config.grpc.address,
                              ", or set containerd_address in [crisp] to this path"));
}

int SwapsOf(const HostTree& tree) {
  const std::vector<std::string> lines = absl::StrSplit(tree.ReadLine("/proc/swaps"), '\n', absl::SkipEmpty());
  return lines.empty() ? 0 : static_cast<int>(lines.size()) - 1;  // the first has titles
}

void LookAtSwap(const Subject& subject, const KubeletFacts& facts, Findings* findings) {
  const int swaps = SwapsOf(subject.tree);
  if (swaps == 0) return findings->Ok("swap", "/proc/swaps", "no swap");
  if (facts.fail_swap_on.value == "false") {
    return findings->Ok("swap", "/proc/swaps", "there is swap, and the kubelet accepts it (failSwapOn: false)");
  }
  findings->Problem("swap", "/proc/swaps",
                    absl::StrCat("there is swap, and the kubelet does not start with it (failSwapOn, ",
                                 facts.fail_swap_on.From(), ")"),
                    "swapoff -a and remove it from /etc/fstab, or set failSwapOn: false");
}

}  // namespace

void CheckKubelet(const Subject& subject, Findings* findings, const CallContext& call) {
  const KubeletFacts facts = ReadKubeletFacts(subject, call);
  LookAtFile(facts, findings);
  if (!facts.known()) return;
  LookAtEndpoint(subject, facts, findings);
  LookAtCadvisor(subject, facts, findings);
  LookAtSwap(subject, facts, findings);
}

}  // namespace crisp
