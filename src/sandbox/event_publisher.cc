#include "sandbox/event_publisher.h"

#include <utility>

#include "base/clock.h"
#include "sandbox/container.h"
#include "sandbox/event_hub.h"
#include "sandbox/pod.h"
#include "sandbox/pod_log.h"
#include "sandbox/status_message.h"

namespace crisp {

void EventPublisher::PodCreated(const PodPtr& pod) {
  AdvancePod(*pod, Stage::kCreated);
}

void EventPublisher::PodStarted(const PodPtr& pod) {
  AdvancePod(*pod, Stage::kStarted);
}

void EventPublisher::PodStopped(const PodPtr& pod) {
  if (!pod->ready() && pod->visible()) AdvancePod(*pod, Stage::kStopped);
}

void EventPublisher::PodRemoved(const PodPtr& pod) {
  AdvancePod(*pod, Stage::kDeleted);
}

void EventPublisher::ContainerCreated(const PodPtr& pod, const ContainerPtr& container) {
  AdvanceContainer(*pod, *container, Stage::kCreated);
}

void EventPublisher::ContainerStarted(const PodPtr& pod, const ContainerPtr& container) {
  AdvanceContainer(*pod, *container, Stage::kStarted);
}

void EventPublisher::ContainerExited(const PodPtr& pod, const ContainerPtr& container) {
  if (container->view().state != cri::CONTAINER_EXITED) return;
  if (!AdvanceContainer(*pod, *container, Stage::kStopped)) return;
  counters_->container_exits.Of(container->view().reason).Add();
  LogExit(*pod, *container);
}

void EventPublisher::ContainerRemoved(const PodPtr& pod, const ContainerPtr& container) {
  AdvanceContainer(*pod, *container, Stage::kDeleted);
}

void EventPublisher::Adopt(const Pod& pod) {
  MutexLock lock(mutex_);
  stages_[pod.id()] = pod.ready() ? Stage::kStarted : Stage::kStopped;
}

void EventPublisher::Adopt(const Container& container) {
  MutexLock lock(mutex_);
  const cri::ContainerState state = container.view().state;
  stages_[container.id()] = state == cri::CONTAINER_RUNNING  ? Stage::kStarted
                            : state == cri::CONTAINER_EXITED ? Stage::kStopped
                                                             : Stage::kCreated;
}

void EventPublisher::AdvancePod(const Pod& pod, Stage target) {
  MutexLock lock(mutex_);
  Advance(pod, pod.id(), pod.visible(), /*started=*/false, target);
}

bool EventPublisher::AdvanceContainer(const Pod& pod, const Container& container, Stage target) {
  MutexLock lock(mutex_);
  return Advance(pod, container.id(), container.visible(), container.view().started_at != 0, target);
}

bool EventPublisher::Advance(const Pod& pod, const std::string& id, bool visible, bool started, Stage target) {
  const auto known = stages_.find(id);
  if (known == stages_.end() && !visible) return false;
  Stage& reached = known != stages_.end() ? known->second : stages_[id];
  if (reached >= target) return false;
  const auto publish = [&](Stage stage, cri::ContainerEventType type) {
    if (reached >= stage) return;
    reached = stage;
    if (stage == Stage::kStarted) (id == pod.id() ? counters_->pod_starts : counters_->container_starts).Add();
    Publish(pod, id, type);
  };
  started = started || reached >= Stage::kStarted;
  publish(Stage::kCreated, cri::CONTAINER_CREATED_EVENT);
  if (target == Stage::kStarted || (target > Stage::kStarted && started)) {
    publish(Stage::kStarted, cri::CONTAINER_STARTED_EVENT);
  }
  if (target == Stage::kStopped || (target == Stage::kDeleted && started)) {
    publish(Stage::kStopped, cri::CONTAINER_STOPPED_EVENT);
  }
  if (target != Stage::kDeleted) return true;
  publish(Stage::kDeleted, cri::CONTAINER_DELETED_EVENT);
  stages_.erase(id);
  return true;
}

void EventPublisher::Publish(const Pod& pod, const std::string& id, cri::ContainerEventType type) {
  if (!hub_->HasSubscribers()) return;
  cri::ContainerEventResponse event;
  event.set_container_id(id);
  event.set_container_event_type(type);
  event.set_created_at(WallNanos());
  *event.mutable_pod_sandbox_status() = PodStatusMessage(pod);
  for (cri::ContainerStatus& status : ContainerStatusMessages(pod)) {
    *event.add_containers_statuses() = std::move(status);
  }
  hub_->Publish(std::move(event));
}

}  // namespace crisp
