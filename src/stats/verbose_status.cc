#include "stats/verbose_status.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "nlohmann/json.hpp"
#include "os/file.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/pod_table.h"
#include "stats/cni_summary.h"
#include "stats/go_json.h"

namespace crisp {
namespace {

using nlohmann::json;

constexpr char kSnapshotter[] = "overlayfs";
constexpr char kRuntimeType[] = "io.containerd.runc.v2";  // the only one that the configuration takes

// What the OCI runtime was told; null if it is not there any more.
json RuntimeSpec(const std::string& path) {
  constexpr size_t kLimit = 16 << 20;
  const absl::StatusOr<std::string> text = ReadFileAt(AT_FDCWD, path, kLimit);
  json spec = json::parse(text.ok() ? *text : "null", nullptr, /*allow_exceptions=*/false);
  return spec.is_object() ? spec : json();
}

// The network namespace of a pod with a user namespace is made by the OCI runtime, which therefore got no path of it.
void ShowNetns(const std::string& netns_path, json* spec) {
  if (netns_path.empty() || !spec->is_object()) return;
  for (json& one : (*spec)["linux"]["namespaces"]) {
    if (one.is_object() && one.value("type", "") == "network") one.emplace("path", netns_path);
  }
}

// The name of the pause image, as the spec's annotations have it.
std::string PauseImage(const json& spec) {
  const auto name = json::json_pointer("/annotations/io.kubernetes.cri.podsandbox.image-name");
  return spec.contains(name) && spec[name].is_string() ? spec[name].get<std::string>() : "";
}

json RuntimeOptions(const OciRuntime& runtime) {
  json options = {{"binary_name", runtime.binary}, {"root", runtime.root}};
  if (runtime.systemd_cgroup) options["systemd_cgroup"] = true;
  if (runtime.no_pivot_root) options["no_pivot_root"] = true;
  if (runtime.no_new_keyring) options["no_new_keyring"] = true;
  return options;
}

json Limits(const cri::LinuxContainerResources& limits) {
  cri::ContainerResources resources;
  *resources.mutable_linux() = limits;
  return GoJson(resources);
}

// What was said last of a pod's limits; absent if nothing ever was.
void AddLimits(const PodRecord& record, json* info) {
  const cri::LinuxPodSandboxConfig& asked = record.config().linux();
  if (record.has_updated_overhead() || asked.has_overhead()) {
    (*info)["overhead"] = Limits(record.has_updated_overhead() ? record.updated_overhead() : asked.overhead());
  }
  if (record.has_updated_resources() || asked.has_resources()) {
    (*info)["resources"] = Limits(record.has_updated_resources() ? record.updated_resources() : asked.resources());
  }
}

}  // namespace

std::string VerboseInfo(const Layout& layout, const Pod& pod) {
  const PodRecord record = pod.record();
  json spec = RuntimeSpec(layout.Spec(pod.id(), pod.id()));
  ShowNetns(record.netns_path(), &spec);
  const std::string& netns = record.netns_path();
  json info = {{"pid", pod.ready() ? record.pause_pid() : 0},
               {"processStatus", pod.ready() ? "running" : "deleted"},
               {"netNamespaceClosed", !netns.empty() && !Exists(netns)},
               {"image", PauseImage(spec)},
               {"snapshotKey", pod.id()},
               {"snapshotter", kSnapshotter},
               {"runtimeHandler", record.runtime_handler()},
               {"runtimeType", kRuntimeType},
               {"runtimeOptions", RuntimeOptions(pod.runtime())},
               {"config", GoJson(record.config())},
               {"cniResult", CniSummary(record.cni_result())},
               {"netns", netns},
               {"cgroupsPath", record.cgroups_path()},
               {"runtime", pod.runtime().binary}};
  info["runtimeSpec"] = std::move(spec);
  AddLimits(record, &info);
  return info.dump();
}

std::string VerboseInfo(const Layout& layout, const PodContainer& found) {
  const Container& container = *found.container;
  const ContainerRecord record = container.record();
  json info = {{"sandboxID", found.pod->id()},
               {"pid", std::max(container.view().pid, 0)},
               {"removing", container.state() == Container::State::kRemoving},
               {"snapshotKey", container.id()},
               {"snapshotter", kSnapshotter},
               {"runtimeType", kRuntimeType},
               {"runtimeOptions", RuntimeOptions(found.pod->runtime())},
               {"config", GoJson(record.config())},
               {"cgroupsPath", record.cgroups_path()},
               {"runtime", found.pod->runtime().binary}};
  info["runtimeSpec"] = RuntimeSpec(layout.Spec(found.pod->id(), container.id()));
  return info.dump();
}

}  // namespace crisp
