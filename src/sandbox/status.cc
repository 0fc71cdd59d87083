// What is shown of pods and containers: the status and list messages of CRI. Reads cells only, and waits for nobody; a
// verbose status reads the bundle's config.json too.
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"
#include "os/file.h"
#include "sandbox/pod_manager.h"
#include "sandbox/signals.h"
#include "sandbox/status.h"

namespace crisp {
namespace {

cri::PodSandboxState StateOf(const Pod& pod) {
  return pod.ready() ? cri::SANDBOX_READY : cri::SANDBOX_NOTREADY;
}

cri::PodSandbox ListItem(const Pod& pod, PodRecord record) {
  cri::PodSandbox item;
  item.set_id(pod.id());
  item.set_state(StateOf(pod));
  item.set_created_at(record.created_at());
  item.set_runtime_handler(record.runtime_handler());
  cri::PodSandboxConfig& config = *record.mutable_config();
  item.mutable_metadata()->Swap(config.mutable_metadata());
  item.mutable_labels()->swap(*config.mutable_labels());
  item.mutable_annotations()->swap(*config.mutable_annotations());
  return item;
}

cri::Container ListItem(const Container& container, ContainerRecord record) {
  cri::Container item;
  item.set_id(container.id());
  item.set_pod_sandbox_id(record.pod_id());
  item.set_state(container.view().state);
  item.set_created_at(record.created_at());
  item.set_image_ref(record.image_ref());
  item.set_image_id(record.image_id());
  cri::ContainerConfig& config = *record.mutable_config();
  item.mutable_metadata()->Swap(config.mutable_metadata());
  item.mutable_image()->Swap(config.mutable_image());
  item.mutable_labels()->swap(*config.mutable_labels());
  item.mutable_annotations()->swap(*config.mutable_annotations());
  return item;
}

nlohmann::json LimitsText(const cri::LinuxContainerResources& limits) {
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(limits, &text);
  return status.ok() ? nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false) : nlohmann::json();
}

// For the eyes of a person, who may want to know what the OCI runtime was told; null if it is not there any more.
nlohmann::json RuntimeSpec(const std::string& path) {
  constexpr size_t kLimit = 16 << 20;
  const absl::StatusOr<std::string> text = ReadFileAt(AT_FDCWD, path, kLimit);
  nlohmann::json spec = nlohmann::json::parse(text.ok() ? *text : "null", nullptr, false);
  return spec.is_discarded() ? nlohmann::json() : spec;
}

// What the pod's author wrote, where the kubelet says so: it asks by the image's id, and shows this to people.
cri::ImageSpec ShownImage(const cri::ImageSpec& image) {
  cri::ImageSpec shown = image;
  if (!image.user_specified_image().empty()) shown.set_image(image.user_specified_image());
  return shown;
}

}  // namespace

bool HasLabels(const google::protobuf::Map<std::string, std::string>& labels,
               const google::protobuf::Map<std::string, std::string>& selector) {
  return std::all_of(selector.begin(), selector.end(), [&labels](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

cri::LinuxContainerResources ResourcesOf(const ContainerRecord& record) {
  return record.has_updated_resources() ? record.updated_resources() : record.config().linux().resources();
}

cri::ContainerStatus StatusOf(const Container& container) {
  ContainerRecord record = container.record();
  const ContainerView view = container.view();
  cri::ContainerStatus status;
  status.set_id(container.id());
  status.set_state(view.state);
  status.set_created_at(record.created_at());
  status.set_started_at(view.started_at);
  status.set_finished_at(view.finished_at);
  status.set_exit_code(view.exit_code);
  status.set_reason(view.reason);
  status.set_message(view.message);
  status.set_image_ref(record.image_ref());
  status.set_image_id(record.image_id());
  status.set_log_path(record.log_path());
  status.set_stop_signal(SignalName(record.stop_signal()));
  *status.mutable_user()->mutable_linux() = record.user();
  cri::ContainerConfig& config = *record.mutable_config();
  *status.mutable_image() = ShownImage(config.image());
  if (config.linux().has_resources() || record.has_updated_resources()) {
    *status.mutable_resources()->mutable_linux() = ResourcesOf(record);
  }
  status.mutable_metadata()->Swap(config.mutable_metadata());
  status.mutable_labels()->swap(*config.mutable_labels());
  status.mutable_annotations()->swap(*config.mutable_annotations());
  status.mutable_mounts()->Swap(config.mutable_mounts());
  return status;
}

cri::PodSandboxStatus StatusOf(const Pod& pod) {
  PodRecord record = pod.record();
  cri::PodSandboxStatus status;
  status.set_id(pod.id());
  status.set_state(StateOf(pod));
  status.set_created_at(record.created_at());
  status.set_runtime_handler(record.runtime_handler());
  status.mutable_network()->set_ip(record.ip());
  for (const std::string& ip : record.additional_ips()) status.mutable_network()->add_additional_ips()->set_ip(ip);
  cri::PodSandboxConfig& config = *record.mutable_config();
  *status.mutable_linux()->mutable_namespaces()->mutable_options() =
      config.linux().security_context().namespace_options();
  status.mutable_metadata()->Swap(config.mutable_metadata());
  status.mutable_labels()->swap(*config.mutable_labels());
  status.mutable_annotations()->swap(*config.mutable_annotations());
  return status;
}

std::vector<cri::ContainerStatus> ContainerStatusesOf(const Pod& pod) {
  std::vector<cri::ContainerStatus> statuses;
  for (const std::shared_ptr<Container>& container : pod.containers()) {
    if (container->created()) statuses.push_back(StatusOf(*container));
  }
  SortByAge(&statuses);
  return statuses;
}

absl::StatusOr<cri::PodSandboxStatusResponse> PodManager::PodStatus(const std::string& pod_id, bool verbose) {
  ASSIGN_OR_RETURN(const PodPtr pod, FindPod(pod_id));
  cri::PodSandboxStatusResponse response;
  response.set_timestamp(WallNanos());
  *response.mutable_status() = StatusOf(*pod);
  for (cri::ContainerStatus& status : ContainerStatusesOf(*pod)) {
    *response.add_containers_statuses() = std::move(status);
  }
  if (verbose) {
    const PodRecord record = pod->record();
    (*response.mutable_info())["info"] = nlohmann::json{
        {"pid", std::max(pod->pause_pid(), 0)},
        {"netns", record.netns_path()},
        {"cgroupsPath", record.cgroups_path()},
        {"overhead",
         LimitsText(record.has_updated_overhead() ? record.updated_overhead() : record.config().linux().overhead())},
        {"resources",
         LimitsText(record.has_updated_resources() ? record.updated_resources() : record.config().linux().resources())},
        {"runtime", pod->runtime().binary}}.dump();
  }
  return response;
}

std::vector<cri::PodSandbox> PodManager::ListPods(const cri::PodSandboxFilter& filter) {
  std::vector<cri::PodSandbox> items;
  for (const PodPtr& pod : Pods()) {
    if (!pod->created() || !absl::StartsWith(pod->id(), filter.id())) continue;
    PodRecord record = pod->record();
    if (!HasLabels(record.config().labels(), filter.label_selector())) continue;
    cri::PodSandbox item = ListItem(*pod, std::move(record));
    // Judged by what is shown: the state may change meanwhile.
    if (!filter.has_state() || filter.state().state() == item.state()) items.push_back(std::move(item));
  }
  SortByAge(&items);
  return items;
}

absl::StatusOr<cri::ContainerStatusResponse> PodManager::ContainerStatus(const std::string& container_id,
                                                                         bool verbose) {
  ASSIGN_OR_RETURN(const Found found, FindContainer(container_id));
  cri::ContainerStatusResponse response;
  *response.mutable_status() = StatusOf(*found.container);
  if (verbose) {
    (*response.mutable_info())["info"] =
        nlohmann::json{{"sandboxID", found.pod->id()},
                       {"pid", std::max(found.container->view().pid, 0)},
                       {"cgroupsPath", found.container->record().cgroups_path()},
                       {"runtime", found.pod->runtime().binary},
                       {"runtimeSpec", RuntimeSpec(layout_.Spec(found.pod->id(), found.container->id()))}}
            .dump();
  }
  return response;
}

std::vector<cri::Container> PodManager::ListContainers(const cri::ContainerFilter& filter) {
  std::vector<cri::Container> items;
  for (const PodPtr& pod : Pods()) {
    if (!absl::StartsWith(pod->id(), filter.pod_sandbox_id())) continue;
    for (const ContainerPtr& container : pod->containers()) {
      if (!container->created() || !absl::StartsWith(container->id(), filter.id())) continue;
      ContainerRecord record = container->record();
      if (!HasLabels(record.config().labels(), filter.label_selector())) continue;
      cri::Container item = ListItem(*container, std::move(record));
      if (!filter.has_state() || filter.state().state() == item.state()) items.push_back(std::move(item));
    }
  }
  SortByAge(&items);
  return items;
}

}  // namespace crisp
