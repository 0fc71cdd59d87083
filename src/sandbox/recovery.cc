#include "sandbox/recovery.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "network/orphans.h"
#include "os/file.h"
#include "runtime/shims.h"
#include "sandbox/container.h"
#include "sandbox/deadlines.h"
#include "sandbox/event_publisher.h"
#include "sandbox/namespace_pins.h"
#include "sandbox/pause_container.h"
#include "sandbox/pod.h"
#include "sandbox/pod_log.h"
#include "sandbox/pod_runtime.h"
#include "sandbox/sandbox_counters.h"
#include "sandbox/shim_facts.h"
#include "sandbox/shim_stopper.h"
#include "sandbox/start_container.h"
#include "sandbox/teardown.h"
#include "store/residue.h"

namespace crisp {
namespace {

constexpr char kBootId[] = "boot_id";

void LogIfError(const absl::Status& status, absl::string_view what, const Pod& pod) {
  if (!status.ok()) LogPod(LogLevel::kError, what, pod, {{"error", status.message()}});
}

void LogIfError(const absl::Status& status, absl::string_view what, const Pod& pod, const Container& container) {
  if (!status.ok()) LogContainer(LogLevel::kError, what, pod, container, {{"error", status.message()}});
}

// A pod whose row says `created` counts as READY until its shim has been asked.
Pod::State InitialState(Phase phase) {
  switch (phase) {
    case Phase::kCreated:
      return Pod::State::kReady;
    case Phase::kStopped:
      return Pod::State::kStopping;
    case Phase::kRemoving:
      return Pod::State::kRemoving;
    default:
      return Pod::State::kUndoing;
  }
}

// A plugin of the last daemon may still run for a pod that was not created completely. What it takes after the DEL
// would be lost. No plugin runs for other pods, whose containers may have what looks like one.
void EndPlugins(const Pod& pod) {
  LogIfError(EndOrphanedPlugins({pod.id()}, kOrphanGrace, CallContext::WithTimeout(2 * kOrphanGrace)),
             "a network plugin of the last daemon still runs", pod);
}

bool IsHalfDone(Phase phase) {
  return phase == Phase::kCreating || phase == Phase::kRemoving;
}

template <typename Stored>
bool AnyHalfDone(const std::vector<Stored>& all) {
  return std::any_of(all.begin(), all.end(), [](const Stored& one) { return IsHalfDone(one.phase); });
}

}  // namespace

absl::Status Recovery::Run() {
  RETURN_IF_ERROR(parts_.records->Restore());
  ASSIGN_OR_RETURN(const std::vector<StoredPod> pods, parts_.records->Pods());
  ASSIGN_OR_RETURN(const std::vector<StoredContainer> stored, parts_.records->Containers());
  ASSIGN_OR_RETURN(const std::string last_boot, parts_.records->Fact(kBootId));
  const std::string boot = parts_.setup->Get()->facts.boot_id;
  if (!last_boot.empty() && last_boot != boot && !pods.empty()) {
    LogInfo("the node has rebooted; its pods have ended", {{"pods", pods.size()}});
  }
  std::map<std::string, StoredContainers> containers;
  for (const StoredContainer& container : stored) containers[container.record.pod_id()].push_back(container);
  if (AnyHalfDone(pods) || AnyHalfDone(stored)) removals_ = std::make_unique<Background>();
  {
    std::atomic<size_t> done = 0;
    Background recoveries;
    for (const StoredPod& pod : pods) {
      recoveries.Run([this, &pod, &mine = containers[pod.record.id()], &done, all = pods.size()] {
        RecoverPod(pod, mine);
        if (parts_.progress != nullptr) parts_.progress(++done, all);
      });
    }
  }
  ReportUnknownDirectories();
  SweepResidue(parts_.layout);
  return parts_.records->SetFact(kBootId, boot);
}

// They belong to pods that were being created when the database was lost.
void Recovery::ReportUnknownDirectories() const {
  const auto directories = ListDir(parts_.layout.Pods());
  if (!directories.ok()) return;
  for (const std::string& id : *directories) {
    if (parts_.table->ById(id) != nullptr) continue;
    LogWarning("a pod directory has no record; crisp leaves it and its processes alone",
               {{"directory", parts_.layout.Pod(id)}});
  }
}

void Recovery::RecoverPod(const StoredPod& stored, const StoredContainers& containers) {
  const PodPtr pod = AddPod(stored);
  const std::vector<ShimContainer> alive = Reconnect(pod);
  for (const StoredContainer& container : containers) {
    RecoverContainer(pod, container, FindListed(alive, container.record.id()));
  }
  if (IsHalfDone(stored.phase)) {
    removals_->Run([this, pod] { FinishRemoval(pod); });
  } else {
    Resume(pod, FindListed(alive, pod->id()));
  }
}

void Recovery::FinishRemoval(const PodPtr& pod) const {
  EndPlugins(*pod);
  const CallContext call = CallContext::WithTimeout(kUndoDeadline);
  const absl::StatusOr<Gate::Pass> inside = pod->gate.Enter(call);
  const absl::Status removed = inside.ok() ? parts_.teardown->RemovePod(pod, call) : inside.status();
  LogIfError(removed, "cannot finish the removal of a pod; RemovePodSandbox tries again", *pod);
  if (removed.ok()) return;
  pod->MoveTo(Pod::State::kLeftover);
  parts_.events->Adopt(*pod);
}

void Recovery::Resume(const PodPtr& pod, const ShimContainer* pause) const {
  ResumePod(pod, pause);
  if (pod->shim.Get() == nullptr) {
    LogIfError(parts_.shim_stopper->Stop(pod, /*hangs=*/false, CallContext::WithTimeout(kUndoDeadline)),
               "cannot clean up a pod without a shim", *pod);
  }
  FollowStarts(pod);
  LogPod(LogLevel::kInfo, "recovered pod", *pod,
         {{"ready", pod->ready()}, {"containers", pod->containers.All().size()}});
}

PodPtr Recovery::AddPod(const StoredPod& stored) const {
  const std::shared_ptr<const Setup> setup = parts_.setup->Get();
  const auto runtime = RecordedRuntime(setup->handlers, stored.record);
  auto pod = std::make_shared<Pod>(stored.record, runtime.ok() ? *runtime : setup->handlers.Default(), parts_.listener,
                                   InitialState(stored.phase));
  LogIfError(runtime.status(), "the runtime of a pod is no longer configured; the default one cleans it up", *pod);
  parts_.table->Add(pod);
  return pod;
}

std::vector<ShimContainer> Recovery::Reconnect(const PodPtr& pod) const {
  const std::string& id = pod->id();
  const CallContext call = CallContext::WithTimeout(kReconnectDeadline);
  const ShimPaths paths = ShimPathsOf(parts_.layout, parts_.setup->Get()->options.shim_program, id);
  auto opened = parts_.shims->Connect(id, paths, pod.get(), call);
  if (!opened.ok()) {
    LogPod(LogLevel::kInfo, "the pod has no shim that answers", *pod, {{"error", opened.status().message()}});
    LogIfError(parts_.shims->Kill(paths, CallContext::WithTimeout(kKillDeadline)), "cannot kill a shim that hangs",
               *pod);
    return {};
  }
  const std::shared_ptr<Shim> shim = *std::move(opened);
  pod->shim.Set(shim);
  const auto listed = shim->List(call);
  if (listed.ok()) {
    parts_.counters->shim_reconnects.Add();
    return *listed;
  }
  LogPod(LogLevel::kWarning, "the shim does not list its containers; crisp ends the pod", *pod,
         {{"error", listed.status().message()}});
  pod->shim.Drop();
  LogIfError(shim->Terminate(CallContext::WithTimeout(kKillDeadline)), "cannot kill a shim that hangs", *pod);
  return {};
}

void Recovery::ResumePod(const PodPtr& pod, const ShimContainer* pause) const {
  if (pause == nullptr || pause->starting || pause->exited) {
    pod->MarkEnded();
  } else if (pod->ready()) {
    const PodRecord record =
        pod->UpdateRecord([pause](PodRecord* change) { change->set_pause_pid(pause->started.pid); });
    LogIfError(PinNamespaces(parts_.layout, record, pod->runtime().systemd_cgroup),
               "cannot pin the namespaces of a pod; no container can be created in it", *pod);
  }
  parts_.events->Adopt(*pod);
}

void Recovery::FollowStarts(const PodPtr& pod) const {
  for (const ContainerPtr& container : pod->containers.All()) {
    if (container->state() != Container::State::kStarting) continue;
    LogIfError(parts_.starter->Follow({pod, container}), "cannot follow a start", *pod, *container);
  }
}

void Recovery::RecoverContainer(const PodPtr& pod, const StoredContainer& stored, const ShimContainer* known) {
  const ContainerPtr container = Rebuild(stored, known);
  if (known != nullptr) container->log_loss.Set(known->log_loss);
  pod->containers.Add(container->id(), container);
  if (known != nullptr && known->log_loss.dropping) LogLostOutput(*pod, *container, known->log_loss);
  // Read once the shim's events find the container: no exit is missed in between.
  if (const auto exit = ReadExit(parts_.layout, container->id())) container->Exit(*exit);
  const bool created = stored.phase == Phase::kCreated;
  if (created && container->running() && stored.record.started_at() == 0) {
    LogIfError(parts_.records->Save(*container), "cannot record the start of a container", *pod, *container);
  }
  // Without a shim, the clean-up of the pod ends those that are only created.
  const bool lost = known == nullptr && container->running();
  if (lost && created && pod->shim.Get() != nullptr) EndUnknown(pod, container);
  if (container->visible()) parts_.events->Adopt(*container);
  if (created && container->state() == Container::State::kExited) {
    LogExit(*pod, *container, "container had exited before this daemon started");
  }
  if (!created) removals_->Run([this, pod, container, lost] { FinishRemoval(pod, container, lost); });
}

void Recovery::FinishRemoval(const PodPtr& pod, const ContainerPtr& container, bool lost) const {
  const CallContext call = CallContext::WithTimeout(kUndoDeadline);
  const absl::StatusOr<Gate::Pass> inside = container->gate.Enter(call);
  if (inside.ok() && lost) EndUnknown(pod, container);
  LogIfError(inside.ok() ? parts_.teardown->RemoveContainer(pod, container, call) : inside.status(),
             "cannot finish the removal of a container; RemoveContainer tries again", *pod, *container);
}

ContainerPtr Recovery::Rebuild(const StoredContainer& stored, const ShimContainer* known) const {
  using State = Container::State;
  const ContainerRecord& record = stored.record;
  if (stored.phase == Phase::kCreating) return std::make_shared<Container>(record, State::kAborted);
  if (record.has_end()) return std::make_shared<Container>(record, State::kExited);
  if (known != nullptr && known->starting) return std::make_shared<Container>(record, State::kStarting);

  const std::optional<ContainerExit> exit = ReadExit(parts_.layout, record.id());
  const bool was_started = known != nullptr || exit.has_value() || record.started_at() != 0;
  auto container = std::make_shared<Container>(record, was_started ? State::kStarting : State::kCreated);
  if (!was_started) return container;
  StartedContainer started{-1, record.started_at()};
  if (known != nullptr) started = known->started;
  // Nobody recorded the start of a container that lived for a moment only.
  if (started.started_at == 0 && exit) started.started_at = exit->finished_at;
  container->Start(started);
  if (known != nullptr && known->exited) container->Exit(known->exit);
  return container;
}

void Recovery::EndUnknown(const PodPtr& pod, const ContainerPtr& container) const {
  LogIfError(parts_.shims->CleanUpContainer(pod->runtime(), container->id(), container->record().cgroups_path(),
                                            CallContext::WithTimeout(kUndoDeadline)),
             "cannot clean up a container without a shim", *pod, *container);
  container->End(MakeEnd(kExitCodeUnknown, kReasonUnknown, "its shim does not know it any more"));
  LogIfError(parts_.records->Replace(container->record(), Records::Purpose::kFree),
             "cannot record the end of a container", *pod, *container);
}

}  // namespace crisp
