#include "sandbox/pod_watch.h"

#include "sandbox/event_publisher.h"
#include "sandbox/pod_table.h"
#include "sandbox/shim_stopper.h"

namespace crisp {

void PodWatch::OnContainerExited(const std::string& pod_id, const std::shared_ptr<Container>& container) {
  if (const PodPtr pod = table_->ById(pod_id)) events_->ContainerExited(pod, container);
}

void PodWatch::OnPauseExited(const std::string& pod_id, const ContainerExit&) {
  if (const PodPtr pod = table_->ById(pod_id)) events_->PodStopped(pod);
}

void PodWatch::OnShimDied(const std::string& pod_id) {
  background_.Run([this, pod_id] {
    if (const PodPtr pod = table_->ById(pod_id)) shim_stopper_->OnDeath(pod);
  });
}

}  // namespace crisp
