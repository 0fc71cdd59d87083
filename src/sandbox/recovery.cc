// The start of a daemon: what the records say is held against what is still there.
//
//   creating   undone, as if the request had failed
//   created    its shim is connected to, and starts under way there are followed; without one the pod has ended
//   stopped    the same, and it is not ready; the kubelet's next StopPodSandbox finishes it
//   removing   finished
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "network/orphans.h"
#include "os/file.h"
#include "runtime/cleanup.h"
#include "sandbox/deadlines.h"
#include "sandbox/pod_manager.h"
#include "shim/exit_record.h"

namespace crisp {
namespace {

constexpr char kBootId[] = "boot_id";

void LogIfError(const absl::Status& status, absl::string_view what, absl::string_view id) {
  if (!status.ok()) LogError(what, {{"id", id}, {"error", status.message()}});
}

}  // namespace

absl::Status PodManager::Recover() {
  RETURN_IF_ERROR(records_.Restore());
  ASSIGN_OR_RETURN(const std::vector<StoredPod> pods, records_.Pods());
  ASSIGN_OR_RETURN(const std::vector<StoredContainer> stored, records_.Containers());
  ASSIGN_OR_RETURN(const std::string last_boot, records_.Fact(kBootId));
  if (!last_boot.empty() && last_boot != machine_.boot_id && !pods.empty()) {
    LogInfo("the machine was booted anew; the pods of the last boot have ended", {{"pods", pods.size()}});
  }
  std::map<std::string, std::vector<StoredContainer>> containers;
  for (const StoredContainer& container : stored) containers[container.record.pod_id()].push_back(container);
  // Before any DEL: what they take after it nobody would give back. None was at work for a pod that is whole, whose
  // containers may have what looks like a plugin.
  std::set<std::string> ids;
  for (const StoredPod& pod : pods) {
    if (pod.phase != Phase::kCreated) ids.insert(pod.record.id());
  }
  const absl::Status ended = EndOrphanedPlugins(ids, kOrphanGrace, Call::WithTimeout(2 * kOrphanGrace));
  if (!ended.ok()) LogError("plugins of the daemon before still run", {{"error", ended.message()}});
  {
    // Side by side: one whose clean-up hangs must not hold up the others.
    Background recoveries;
    for (const StoredPod& pod : pods) {
      recoveries.Run([this, &pod, &mine = containers[pod.record.id()]] { RecoverPod(pod, mine); });
    }
  }

  // Of a pod that was being made when its database was lost. They are named, and left to a person.
  const auto directories = ListDir(layout_.Pods());
  if (directories.ok()) {
    MutexLock lock(mutex_);
    for (const std::string& id : *directories) {
      if (pods_.count(id) == 0) {
        LogWarning("a pod directory has no record; its processes are left alone", {{"directory", layout_.Pod(id)}});
      }
    }
  }
  return records_.SetFact(kBootId, machine_.boot_id);
}

void PodManager::RecoverPod(const StoredPod& stored, const std::vector<StoredContainer>& containers) {
  const std::string& id = stored.record.id();
  const auto runtime = RuntimeFor(stored.record.runtime_handler());
  LogIfError(runtime.status(), "the runtime of a pod is no longer configured; it cannot be cleaned up by it", id);
  const PodPtr pod = NewPod(stored.record, runtime.ok() ? *runtime : options_.runtimes.at(options_.default_runtime));
  Publish(pod);

  const std::vector<ShimContainer> alive = Reconnect(pod);
  RecoverContainers(pod, containers, alive);

  const Call undo = Call::WithTimeout(kUndoDeadline);
  if (stored.phase == Phase::kCreating || stored.phase == Phase::kRemoving) {
    const absl::Status undone = Discard(pod, undo);
    LogIfError(undone, "finish the removal of a pod", id);
    if (undone.ok()) return;
    pod->set_half_made();
  }
  pod->set_created_not_ready();
  for (const ShimContainer& container : alive) {
    if (container.id != id || container.starting || container.exited || stored.phase != Phase::kCreated) continue;
    pod->set_pause_pid(container.started.pid);
    pod->set_ready();
  }
  {
    MutexLock lock(telling_);
    pod->told = {true, true, !pod->ready(), false};
  }
  // Whatever of it is left runs unwatched.
  if (pod->shim() == nullptr) LogIfError(StopShim(pod, /*hangs=*/false, undo), "clean up a pod without a shim", id);
  for (const ShimContainer& listed : alive) {
    if (!listed.starting) continue;
    const auto found = FindContainer(listed.id);
    if (!found.ok() || found->container->view().state != cri::CONTAINER_CREATED) continue;
    LogIfError(FollowStart(*found), "follow a start", listed.id);
  }
  LogInfo("found pod", {{"pod", id}, {"ready", pod->ready()}, {"containers", pod->containers().size()}});
}

// The daemon before died in the middle of it. It is joined and put on record as if it had been asked for anew, also if
// the pod is not ready any more. Its gate is held from now on: a Stop that did not wait would find nothing to kill.
absl::Status PodManager::FollowStart(const Found& found) {
  // Nobody knows of it yet, so nobody is inside.
  ASSIGN_OR_RETURN(Gate::Pass inside, found.container->gate.Enter(Call::WithTimeout(kUndoDeadline)));
  const auto follow = [this, found, held = std::make_shared<Gate::Pass>(std::move(inside))](
                          const SingleFlight<Done>::Abandoned&) -> absl::StatusOr<Done> {
    const absl::Status started = StartOnce(found, Call::WithTimeout(kTransitionDeadline));
    LogIfError(started, "a start that outlived its daemon has failed", found.container->id());
    RETURN_IF_ERROR(started);
    return Done{};
  };
  const Call nobody_waits(MonoClock::now());
  const auto begun = transitions_.Do(absl::StrCat("start ", found.container->id()), nobody_waits, follow);
  return absl::IsDeadlineExceeded(begun.status()) ? absl::OkStatus() : begun.status();
}

// The daemon before died between the start and its record.
void PodManager::RecordStart(const ContainerPtr& container, const StartedContainer& started) {
  ContainerRecord record = container->record();
  record.set_started_at(started.started_at);
  LogIfError(records_.Save(Phase::kCreated, record), "record the start of a container", container->id());
  container->set_record(std::move(record));
}

std::vector<ShimContainer> PodManager::Reconnect(const PodPtr& pod) {
  const std::string& id = pod->id();
  const Call call = Call::WithTimeout(kReconnectDeadline);
  auto opened = ShimClient::Connect(*reactor_, id, ShimPathsOf(id), pod.get(), call);
  if (!opened.ok()) {
    LogInfo("no shim of a pod answers", {{"pod", id}, {"error", opened.status().message()}});
    LogIfError(KillShim(ShimPathsOf(id), Call::WithTimeout(kKillDeadline)), "end a shim that hangs", id);
    return {};
  }
  const std::shared_ptr<Shim> shim = *std::move(opened);
  pod->set_shim(shim);
  const auto listed = shim->List(call);
  if (listed.ok()) return *listed;
  LogWarning("a shim does not tell what it has; its pod ends", {{"pod", id}, {"error", listed.status().message()}});
  pod->ForgetShim();
  LogIfError(shim->Terminate(Call::WithTimeout(kKillDeadline)), "end a shim that hangs", id);
  return {};
}

void PodManager::RecoverContainers(const PodPtr& pod, const std::vector<StoredContainer>& containers,
                                   const std::vector<ShimContainer>& alive) {
  for (const StoredContainer& stored : containers) {
    const auto container = std::make_shared<Container>(stored.record);
    pod->AdoptContainer(container);
    if (stored.record.has_end()) container->Ended(stored.record.end());
    if (stored.record.started_at() != 0) container->Started({-1, stored.record.started_at()});
    for (const ShimContainer& known : alive) {
      if (known.id != container->id() || known.starting) continue;
      if (stored.phase == Phase::kCreated && stored.record.started_at() == 0) RecordStart(container, known.started);
      container->Started(known.started);
      if (known.exited) container->Exited(known.exit);
    }
    shim::ExitRecord exit;
    if (shim::ReadExitRecord(layout_.ExitRecord(container->id()), &exit) == 0) {
      container->Exited({exit.exit_code, exit.finished_at, exit.oom_killed});
    }
    if (stored.phase == Phase::kCreated) {
      container->set_created();
      const cri::ContainerState state = container->view().state;
      MutexLock lock(telling_);
      container->told = {true, state != cri::CONTAINER_CREATED, state == cri::CONTAINER_EXITED, false};
      continue;
    }
    const bool known =
        std::any_of(alive.begin(), alive.end(), [&](const ShimContainer& one) { return one.id == container->id(); });
    if (container->running() && !known) {
      // Its exit record has gone with its directory, or its shim has died: nobody will tell of its end any more.
      LogIfError(CleanUpContainer(pod->runtime(), container->id(), stored.record.cgroups_path(),
                                  Call::WithTimeout(kUndoDeadline)),
                 "clean up a container without a shim", container->id());
      container->Exited({kExitCodeUnknown, WallNanos(), false});
    }
    LogIfError(RemoveContainerResources(pod, container, Call::WithTimeout(kUndoDeadline)),
               "finish the removal of a container", container->id());
  }
}

}  // namespace crisp
