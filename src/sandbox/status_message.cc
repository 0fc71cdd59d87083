#include "sandbox/status_message.h"

#include <memory>
#include <string>

#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/signals.h"

namespace crisp {
namespace {

// The kubelet creates containers by the image's id and sends what the pod's author wrote beside it, for people to see.
cri::ImageSpec ShownImage(const cri::ImageSpec& image) {
  cri::ImageSpec shown = image;
  if (!image.user_specified_image().empty()) shown.set_image(image.user_specified_image());
  return shown;
}

}  // namespace

cri::PodSandboxState PodStateMessage(const Pod& pod) {
  return pod.ready() ? cri::SANDBOX_READY : cri::SANDBOX_NOTREADY;
}

cri::LinuxContainerResources ResourcesOf(const ContainerRecord& record) {
  return record.has_updated_resources() ? record.updated_resources() : record.config().linux().resources();
}

cri::ContainerStatus ContainerStatusMessage(const Container& container) {
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

cri::PodSandboxStatus PodStatusMessage(const Pod& pod) {
  PodRecord record = pod.record();
  cri::PodSandboxStatus status;
  status.set_id(pod.id());
  status.set_state(PodStateMessage(pod));
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

std::vector<cri::ContainerStatus> ContainerStatusMessages(const Pod& pod) {
  std::vector<cri::ContainerStatus> statuses;
  for (const std::shared_ptr<Container>& container : pod.containers.All()) {
    if (container->visible()) statuses.push_back(ContainerStatusMessage(*container));
  }
  SortByAge(&statuses);
  return statuses;
}

}  // namespace crisp
