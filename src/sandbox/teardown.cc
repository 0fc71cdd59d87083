#include "sandbox/teardown.h"

#include <memory>
#include <utility>

#include "base/status_macros.h"
#include "images/images.h"
#include "os/mount.h"
#include "runtime/shims.h"
#include "sandbox/container.h"
#include "sandbox/container_killer.h"
#include "sandbox/container_mounts.h"
#include "sandbox/event_publisher.h"
#include "sandbox/namespace_pins.h"
#include "sandbox/pod.h"
#include "sandbox/pod_cgroup.h"
#include "sandbox/pod_network.h"
#include "sandbox/pod_observer.h"
#include "sandbox/records.h"
#include "sandbox/shim_stopper.h"
#include "store/residue.h"

namespace crisp {
namespace {

bool IsStopped(Pod::State state) {
  return state == Pod::State::kStopped || state == Pod::State::kRemoving || state == Pod::State::kRemoved;
}

}  // namespace

absl::Status Teardown::StopPod(const PodPtr& pod, const CallContext& call) const {
  if (IsStopped(pod->state())) return absl::OkStatus();
  pod->MoveTo(Pod::State::kStopping);
  RETURN_IF_ERROR(parts_.records->Save(*pod, Records::Purpose::kFree));
  RETURN_IF_ERROR(WaitForStarts(*pod, call));
  call.Done("wait for starts of its containers");
  absl::Status status = EndProcesses(pod, call);
  if (status.ok()) parts_.events->PodStopped(pod);
  parts_.observer->OnPodStopped(pod->id());
  status = Join(status, UnpinNamespaces(parts_.layout, pod->id()));
  status = Join(status, parts_.network->Detach(pod->record(), call));
  if (status.ok()) pod->MoveTo(Pod::State::kStopped);
  return status;
}

// The pod is not READY, so that no new start begins. A container that is being created has no process, and its gate may
// be held for long by storage that does not answer.
absl::Status Teardown::WaitForStarts(const Pod& pod, const CallContext& call) const {
  for (const ContainerPtr& container : pod.containers.All()) {
    if (container->visible()) RETURN_IF_ERROR(container->gate.Enter(call));
  }
  return absl::OkStatus();
}

// As long as a process does not die the shim stays, since only it can tell how that process ends; unless it is the shim
// that does not answer, and not the caller's own time that is up.
absl::Status Teardown::EndProcesses(const PodPtr& pod, const CallContext& call) const {
  const absl::Status killed = parts_.killer->KillAndWait(pod, pod->containers.All(), call);
  call.Done("kill its containers");
  const bool hangs = absl::IsDeadlineExceeded(killed) && call.Check().ok();
  if (!killed.ok() && !hangs && !absl::IsUnavailable(killed)) return killed;
  const absl::Status stopped = parts_.shim_stopper->Stop(pod, hangs, call);
  call.Done("stop the shim");
  return stopped;
}

absl::Status Teardown::RemovePod(const PodPtr& pod, const CallContext& call) const {
  if (pod->state() == Pod::State::kRemoved) return absl::OkStatus();
  pod->MoveTo(Pod::State::kUndoing);  // a pod that is being created; any other stays what it is
  RETURN_IF_ERROR(StopPod(pod, call));
  pod->MoveTo(Pod::State::kRemoving);
  RETURN_IF_ERROR(parts_.records->Save(*pod, Records::Purpose::kFree));
  const absl::Status removed = RemoveContainers(pod, call);
  RETURN_IF_ERROR(Join(removed, ReleasePodMounts(*pod)));
  call.Done("unmount");
  RETURN_IF_ERROR(RemovePodFiles(*pod));
  call.Done("remove its files and cgroup");
  RETURN_IF_ERROR(parts_.records->DeletePod(pod->id()));
  parts_.table->Remove(pod->id());
  pod->MoveTo(Pod::State::kRemoved);
  parts_.events->PodRemoved(pod);
  return absl::OkStatus();
}

absl::Status Teardown::RemoveContainers(const PodPtr& pod, const CallContext& call) const {
  absl::Status status;
  for (const ContainerPtr& container : pod->containers.All()) {
    ASSIGN_OR_RETURN(const Gate::Pass inside, container->gate.Enter(call));
    status = Join(status, RemoveContainer(pod, container, call));
  }
  return status;
}

absl::Status Teardown::ReleasePodMounts(const Pod& pod) const {
  const std::string& id = pod.id();
  absl::Status status = parts_.shims->RemoveRuntimeState(pod.runtime(), id);
  status = Join(status, parts_.images->ReleaseRootfs(id, parts_.layout.Rootfs(id, id)));
  return Join(status, Unmount(parts_.layout.Shm(id)));
}

absl::Status Teardown::RemovePodFiles(const Pod& pod) const {
  RETURN_IF_ERROR(RemoveOrSetAside(parts_.layout, parts_.layout.Pod(pod.id())));
  RETURN_IF_ERROR(RemoveOrSetAside(parts_.layout, parts_.layout.Container(pod.id())));
  SweepResidue(parts_.layout);
  return RemovePodCgroup(pod.record(), pod.runtime().systemd_cgroup);
}

absl::Status Teardown::RemoveContainer(const PodPtr& pod, const ContainerPtr& container,
                                       const CallContext& call) const {
  if (container->state() == Container::State::kRemoved) return absl::OkStatus();
  RETURN_IF_ERROR(parts_.killer->End(pod, container, call));
  call.Done("kill the container");
  parts_.events->ContainerExited(pod, container);
  container->MoveTo(Container::State::kRemoving);
  RETURN_IF_ERROR(parts_.records->Save(*container, Records::Purpose::kFree));
  RETURN_IF_ERROR(RemoveContainerResources(pod, container, call));
  RETURN_IF_ERROR(parts_.records->DeleteContainer(container->id()));
  pod->containers.Remove(container->id());
  container->MoveTo(Container::State::kRemoved);
  parts_.observer->OnContainerRemoved(container->id());
  parts_.events->ContainerRemoved(pod, container);
  return absl::OkStatus();
}

// The shim may die or be shut down meanwhile. Then this waits for the clean-up after it.
absl::Status Teardown::DeleteInShim(const PodPtr& pod, const ContainerPtr& container, const CallContext& call) const {
  const std::shared_ptr<Shim> shim = pod->shim.Get();
  const absl::Status deleted = shim == nullptr ? absl::OkStatus() : shim->Delete(container->id(), call);
  if (!absl::IsUnavailable(deleted)) return deleted;
  ASSIGN_OR_RETURN(const Gate::Pass inside, pod->shim_gate.Enter(call));
  return parts_.shims->CleanUpContainer(pod->runtime(), container->id(), container->record().cgroups_path(), call);
}

absl::Status Teardown::RemoveContainerResources(const PodPtr& pod, const ContainerPtr& container,
                                                const CallContext& call) const {
  const std::string& id = container->id();
  const Layout& layout = parts_.layout;
  RETURN_IF_ERROR(DeleteInShim(pod, container, call));
  RETURN_IF_ERROR(parts_.shims->RemoveRuntimeState(pod->runtime(), id));
  call.Done("remove what the shim and the runtime keep of the container");
  RETURN_IF_ERROR(parts_.mounts->Release(*pod, *container));
  RETURN_IF_ERROR(parts_.images->ReleaseRootfs(id, layout.Rootfs(pod->id(), id)));
  call.Done("unmount the container");
  RETURN_IF_ERROR(RemoveOrSetAside(layout, layout.Bundle(pod->id(), id)));
  RETURN_IF_ERROR(RemoveOrSetAside(layout, layout.Container(id)));
  call.Done("remove the files of the container");
  return absl::OkStatus();
}

}  // namespace crisp
