// What is told to those who have subscribed to events. The kubelet's evented PLEG reads a pod's whole state from each
// of them, ignores those without the pod's status, and takes an event whose container is the pod itself for one of the
// pause container: its DELETED is the pod's.
#include <utility>

#include "base/clock.h"
#include "sandbox/pod_manager.h"
#include "sandbox/status.h"

namespace crisp {

void PodManager::Tell(const PodPtr& pod, const ContainerPtr& container, cri::ContainerEventType type) {
  MutexLock lock(telling_);
  ToldEvents& told = container != nullptr ? container->told : pod->told;
  const std::string& id = container != nullptr ? container->id() : pod->id();
  const auto tell = [&](bool ToldEvents::*which, cri::ContainerEventType what) {
    if (!told.deleted && !std::exchange(told.*which, true)) PublishEvent(*pod, id, what);
  };
  // Of what was never there to be seen nothing is told.
  const bool visible = container != nullptr ? container->created() : pod->created();
  if (!visible && !told.created) return;

  tell(&ToldEvents::created, cri::CONTAINER_CREATED_EVENT);
  if (type == cri::CONTAINER_CREATED_EVENT) return;
  const bool started = container != nullptr ? container->view().started_at != 0 : told.started;
  if (type == cri::CONTAINER_STARTED_EVENT || started) tell(&ToldEvents::started, cri::CONTAINER_STARTED_EVENT);
  if (type == cri::CONTAINER_STARTED_EVENT) return;
  if (type == cri::CONTAINER_STOPPED_EVENT || started) tell(&ToldEvents::stopped, cri::CONTAINER_STOPPED_EVENT);
  if (type == cri::CONTAINER_DELETED_EVENT) tell(&ToldEvents::deleted, cri::CONTAINER_DELETED_EVENT);
}

void PodManager::TellExit(const PodPtr& pod, const ContainerPtr& container) {
  // A pod that never came up has no pause container that could have stopped.
  const bool over = container != nullptr ? container->view().state == cri::CONTAINER_EXITED : !pod->ready();
  if (over && (container != nullptr || pod->created())) Tell(pod, container, cri::CONTAINER_STOPPED_EVENT);
}

void PodManager::PublishEvent(const Pod& pod, const std::string& id, cri::ContainerEventType type) {
  if (!events_.HasSubscribers()) return;
  cri::ContainerEventResponse event;
  event.set_container_id(id);
  event.set_container_event_type(type);
  event.set_created_at(WallNanos());
  *event.mutable_pod_sandbox_status() = StatusOf(pod);
  for (cri::ContainerStatus& status : ContainerStatusesOf(pod)) *event.add_containers_statuses() = std::move(status);
  events_.Publish(std::move(event));
}

}  // namespace crisp
