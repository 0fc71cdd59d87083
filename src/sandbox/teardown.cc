// What takes an object away again. Each step is content when its part is not there, and each is tried even if one
// before it failed: so the same functions undo a half-made object, finish what a dead daemon began, and serve Stop and
// Remove, as often as they are called.
#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "images/images.h"
#include "os/file.h"
#include "os/mount.h"
#include "runtime/cleanup.h"
#include "sandbox/deadlines.h"
#include "sandbox/pod_cgroup.h"
#include "sandbox/pod_manager.h"

namespace crisp {

absl::Status PodManager::Discard(const PodPtr& pod, const Call& call) {
  RETURN_IF_ERROR(StopResources(pod, call));
  RETURN_IF_ERROR(RemoveResources(pod, call));
  Forget(pod);
  Tell(pod, nullptr, cri::CONTAINER_DELETED_EVENT);
  return absl::OkStatus();
}

absl::Status PodManager::StopResources(const PodPtr& pod, const Call& call) {
  if (pod->stopped()) return absl::OkStatus();
  pod->set_not_ready();
  if (pod->created()) RETURN_IF_ERROR(records_.Save(Phase::kStopped, pod->record()));

  // The pod is not ready any more: whoever is past this gate has started for the last time. One that is in the making
  // has no process, and comes too late to be started; its gate may be held for long, by storage that does not answer.
  const std::vector<ContainerPtr> containers = pod->containers();
  for (const ContainerPtr& container : containers) {
    if (container->created()) RETURN_IF_ERROR(container->gate.Enter(call));
  }

  absl::Status status = KillAndWait(pod, containers, call);
  // As long as a process does not die its shim stays, to tell how it ends; unless it is the shim that does not answer,
  // and not the caller's own time that is up.
  const bool hangs = absl::IsDeadlineExceeded(status) && call.Check().ok();
  if (status.ok() || hangs || absl::IsUnavailable(status)) status = StopShim(pod, hangs, call);
  if (status.ok()) TellExit(pod, nullptr);
  // A socket that counts its interfaces would keep the namespace.
  pod->meter.Close();
  pod->pause_meter.Close();
  status = Join(status, DetachNetwork(pod, call));
  if (status.ok()) pod->set_stopped();
  return status;
}

absl::Status PodManager::StopShim(const PodPtr& pod, bool hangs, const Call& call) {
  ASSIGN_OR_RETURN(const Gate::Pass inside, pod->shim_gate.Enter(call));
  if (const std::shared_ptr<Shim> shim = pod->shim()) {
    const absl::Status down =
        hangs ? absl::DeadlineExceededError("it does not answer") : shim->Shutdown(call.Within(kShimDeadline));
    if (absl::IsDeadlineExceeded(down)) RETURN_IF_ERROR(call.Check(), "wait for the shim");
    if (!down.ok()) {
      LogWarning("a shim has not ended as it should", {{"pod", pod->id()}, {"error", down.message()}});
      RETURN_IF_ERROR(shim->Terminate(call.Within(kKillDeadline)), "end the shim");
    }
    pod->ForgetShim();
    if (down.ok()) return down;
  }
  absl::Status status = CleanUpContainer(pod->runtime(), pod->id(), pod->record().cgroups_path(), call);
  for (const ContainerPtr& container : pod->containers()) {
    status = Join(status, CleanUpContainer(pod->runtime(), container->id(), container->record().cgroups_path(), call));
    status = Join(status, EndLostContainer(pod, container));
  }
  return status;
}

absl::Status PodManager::DetachNetwork(const PodPtr& pod, const Call& call) {
  const PodRecord record = pod->record();
  if (record.netns_path().empty()) return absl::OkStatus();
  // The namespace goes only after the plugins have given back what they hold of it.
  RETURN_IF_ERROR(network_->Detach({record.cni_plan(), record.cni_result()}, call), "take down network");
  return Annotate(RemoveNetns(record.netns_path()), "remove network namespace");
}

absl::Status PodManager::RemoveResources(const PodPtr& pod, const Call& call) {
  if (pod->created()) RETURN_IF_ERROR(records_.Save(Phase::kRemoving, pod->record()));
  absl::Status status;
  for (const ContainerPtr& container : pod->containers()) {
    ASSIGN_OR_RETURN(const Gate::Pass inside, container->gate.Enter(call));
    if (pod->has(container->id())) status = Join(status, RemoveContainerResources(pod, container, call));
  }
  const std::string& id = pod->id();
  status = Join(status, RemoveRuntimeState(pod->runtime(), id));
  status = Join(status, images_->ReleaseRootfs(id, layout_.Rootfs(id, id)));
  status = Join(status, Unmount(layout_.Shm(id)));
  RETURN_IF_ERROR(status);  // nothing is deleted below a mount that is still there
  RETURN_IF_ERROR(RemoveTree(layout_.Pod(id)));
  RETURN_IF_ERROR(RemoveTree(layout_.Container(id)));
  RETURN_IF_ERROR(RemovePodCgroup(pod->record(), pod->runtime().systemd_cgroup));
  return records_.DeletePod(id);
}

absl::Status PodManager::RemoveContainerResources(const PodPtr& pod, const ContainerPtr& container, const Call& call) {
  const std::string& id = container->id();
  if (container->created()) RETURN_IF_ERROR(records_.Save(Phase::kRemoving, container->record()));
  RETURN_IF_ERROR(EndContainer(pod, container, call));
  if (container->created()) TellExit(pod, container);
  if (const std::shared_ptr<Shim> shim = pod->shim()) RETURN_IF_ERROR(shim->Delete(id, call));
  RETURN_IF_ERROR(RemoveRuntimeState(pod->runtime(), id));
  RETURN_IF_ERROR(ReleaseMounts(pod, container));
  RETURN_IF_ERROR(images_->ReleaseRootfs(id, layout_.Rootfs(pod->id(), id)));
  RETURN_IF_ERROR(RemoveTree(layout_.Bundle(pod->id(), id)));
  RETURN_IF_ERROR(RemoveTree(layout_.Container(id)));
  RETURN_IF_ERROR(records_.DeleteContainer(id));
  pod->ForgetContainer(id);
  layer_usage_.Forget(id);
  Tell(pod, container, cri::CONTAINER_DELETED_EVENT);
  return absl::OkStatus();
}

}  // namespace crisp
