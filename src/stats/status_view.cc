#include "stats/status_view.h"

#include <utility>

#include "absl/strings/match.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/pod_table.h"
#include "sandbox/status_message.h"
#include "stats/selector.h"
#include "stats/verbose_status.h"

namespace crisp {
namespace {

cri::PodSandbox ListItem(const Pod& pod, PodRecord record) {
  cri::PodSandbox item;
  item.set_id(pod.id());
  item.set_state(PodStateMessage(pod));
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

}  // namespace

absl::StatusOr<cri::PodSandboxStatusResponse> StatusView::OfPod(const std::string& pod_id, bool verbose) const {
  ASSIGN_OR_RETURN(const PodPtr pod, table_->FindPod(pod_id));
  cri::PodSandboxStatusResponse response;
  response.set_timestamp(WallNanos());
  *response.mutable_status() = PodStatusMessage(*pod);
  for (cri::ContainerStatus& status : ContainerStatusMessages(*pod)) {
    *response.add_containers_statuses() = std::move(status);
  }
  if (verbose) (*response.mutable_info())["info"] = VerboseInfo(layout_, *pod);
  return response;
}

std::vector<cri::PodSandbox> StatusView::ListPods(const cri::PodSandboxFilter& filter) const {
  std::vector<cri::PodSandbox> items;
  for (const PodPtr& pod : table_->All()) {
    if (!pod->visible() || !absl::StartsWith(pod->id(), filter.id())) continue;
    PodRecord record = pod->record();
    if (!HasLabels(record.config().labels(), filter.label_selector())) continue;
    cri::PodSandbox item = ListItem(*pod, std::move(record));
    // Compares the state that the item shows: the pod's may have changed meanwhile.
    if (!filter.has_state() || filter.state().state() == item.state()) items.push_back(std::move(item));
  }
  SortByAge(&items);
  return items;
}

absl::StatusOr<cri::ContainerStatusResponse> StatusView::OfContainer(const std::string& container_id,
                                                                     bool verbose) const {
  ASSIGN_OR_RETURN(const PodContainer found, table_->FindContainer(container_id));
  cri::ContainerStatusResponse response;
  *response.mutable_status() = ContainerStatusMessage(*found.container);
  if (verbose) (*response.mutable_info())["info"] = VerboseInfo(layout_, found);
  return response;
}

std::vector<cri::Container> StatusView::ListContainers(const cri::ContainerFilter& filter) const {
  std::vector<cri::Container> items;
  for (const PodPtr& pod : table_->All()) {
    if (!absl::StartsWith(pod->id(), filter.pod_sandbox_id())) continue;
    for (const ContainerPtr& container : pod->containers.All()) {
      if (!container->visible() || !absl::StartsWith(container->id(), filter.id())) continue;
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
