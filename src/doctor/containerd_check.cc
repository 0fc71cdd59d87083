#include "doctor/containerd_check.h"

#include <fcntl.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "doctor/finding.h"
#include "doctor/kubelet_facts.h"
#include "doctor/subject.h"
#include "doctor/units.h"
#include "os/disk_usage.h"
#include "os/file.h"
#include "runtime/yaml.h"

namespace crisp {
namespace {

constexpr char kShims[] = "/run/containerd/io.containerd.runtime.v2.task/k8s.io";
constexpr char kState[] = "/var/lib/containerd";
constexpr char kCrictl[] = "/etc/crictl.yaml";
constexpr std::chrono::seconds kWalk{3};

// By the name that /proc/PID/comm has, cut to 15 bytes.
const char* KindOf(const std::string& command) {
  if (command == "containerd" || command == "crio" || command == "cri-dockerd") return "another runtime";
  if (command == "conmon" || absl::StartsWith(command, "containerd-shim"))
    return "a monitor of another runtime's containers";
  return nullptr;
}

void LookAtProcesses(const HostTree& tree, Findings* findings) {
  std::map<std::string, std::vector<int>> found;
  for (const NodeProcess& process : ProcessesOf(tree)) {
    if (KindOf(process.command) != nullptr) found[process.command].push_back(process.pid);
  }
  for (const auto& [command, pids] : found) {
    findings->Warn(
        "process", command,
        absl::StrCat("runs: ", KindOf(command), ", ", pids.size(), " of them, the first with pid ", pids[0]),
        "if it served the kubelet, drain the node, remove its pods with its own crictl, then stop and disable "
        "it; the kubelet does not know of its containers any more");
  }
  if (found.empty()) findings->Ok("process", "/proc", "no other container runtime runs");
}

void LookAtTasks(const HostTree& tree, Findings* findings) {
  const size_t tasks = tree.List(kShims).size();
  if (tasks == 0) return findings->Ok("tasks", kShims, "nothing is left there");
  findings->Warn("tasks", kShims, absl::StrCat(tasks, " containers of Kubernetes are left there"),
                 "remove them with containerd (crictl rmp -fa, with its endpoint), or reboot the node");
}

void LookAtState(const HostTree& tree, Findings* findings, const CallContext& call) {
  DiskUsage usage;
  bool whole = true;
  for (const std::string& name : tree.List(kState)) {
    if (name == "crisp") continue;  // with containerd's configuration crispd's root is in there
    absl::StatusOr<Fd> directory = OpenAt(AT_FDCWD, tree.At(absl::StrCat(kState, "/", name)), O_RDONLY | O_DIRECTORY);
    if (!directory.ok()) continue;
    whole = AddDiskUsage(*std::move(directory), &usage, call.Within(kWalk)).ok() && whole;
  }
  constexpr uint64_t kLittle = 1 << 20;  // of an installation that was never used
  if (usage.bytes < kLittle) return findings->Ok("state", kState, "takes no space to speak of");
  findings->Note(
      "state", kState,
      absl::StrCat("containerd's images and layers take ", whole ? "" : "more than ", BytesText(usage.bytes)),
      "once containerd is not wanted any more, stop it and remove what is there, but not the directory crisp");
}

void LookAtCrictl(const Subject& subject, Findings* findings) {
  const absl::StatusOr<std::string> text = subject.tree.Read(kCrictl);
  const std::string own = absl::StrCat("unix://", subject.config.grpc.address);
  const std::string remedy = absl::StrCat("write \"runtime-endpoint: ", own, "\" there");
  if (!text.ok()) return findings->Note("crictl", kCrictl, "is not there: crictl has to be given its endpoint", remedy);
  const auto document = ParseYamlObject(*text);
  if (!document.ok()) return findings->Warn("crictl", kCrictl, std::string(document.status().message()), remedy);
  const auto found = document->find("runtime-endpoint");
  const std::string endpoint = found != document->end() && found->is_string() ? found->get<std::string>() : "";
  if (SocketPathOf(subject.tree, endpoint) == SocketPathOf(subject.tree, own)) {
    return findings->Ok("crictl", kCrictl, "leads to crispd");
  }
  findings->Warn("crictl", kCrictl, absl::StrCat("crictl speaks to \"", endpoint, "\", and not to crispd"), remedy);
}

}  // namespace

void CheckContainerd(const Subject& subject, Findings* findings, const CallContext& call) {
  LookAtProcesses(subject.tree, findings);
  LookAtTasks(subject.tree, findings);
  LookAtCrictl(subject, findings);
  LookAtState(subject.tree, findings, call);
}

}  // namespace crisp
