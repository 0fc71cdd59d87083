#include "sandbox/update_resources.h"

#include <fcntl.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/file.h"
#include "runtime/field_error.h"
#include "runtime/message_check.h"
#include "runtime/spec_resources.h"
#include "runtime/update.h"
#include "sandbox/bundle_spec.h"
#include "sandbox/container.h"
#include "sandbox/deadlines.h"
#include "sandbox/pod.h"
#include "sandbox/pod_cgroup.h"
#include "sandbox/records.h"
#include "sandbox/status_message.h"

namespace crisp {
namespace {

constexpr mode_t kSpecMode = 0600;

absl::Status CheckPodLimits(const cri::UpdatePodSandboxResourcesRequest& request) {
  RETURN_IF_ERROR(CheckStrings(request.overhead(), "overhead"));
  RETURN_IF_ERROR(CheckStrings(request.resources(), "resources"));
  RETURN_IF_ERROR(CheckResources(request.overhead(), "overhead"));
  return CheckResources(request.resources(), "resources");
}

}  // namespace

absl::Status ResourceUpdater::UpdateContainer(const cri::UpdateContainerResourcesRequest& request,
                                              const CallContext& call) {
  if (request.has_windows()) return InvalidField("windows", "crisp runs Linux containers");
  RETURN_IF_ERROR(CheckStrings(request.linux(), "linux"));
  ASSIGN_OR_RETURN(const PodContainer found, table_->FindContainer(request.container_id()));
  ASSIGN_OR_RETURN(const Gate::Pass inside, found.container->gate.Enter(call));
  RETURN_IF_ERROR(table_->FindContainer(found.container->id()));  // it may have been removed meanwhile
  const std::string what = absl::StrCat("update container ", found.container->id());
  if (found.container->view().state == cri::CONTAINER_EXITED) {
    return absl::FailedPreconditionError(absl::StrCat(what, ": it has exited, and will not run again"));
  }
  // Not cancelled with its caller: what is half done would have to be undone.
  return Annotate(Apply(found, request.linux(), CallContext::WithTimeout(kUpdateDeadline)), what);
}

// The spec is written first: it is the last step that can fail for what the request says.
absl::Status ResourceUpdater::Apply(const PodContainer& found, const cri::LinuxContainerResources& change,
                                    const CallContext& call) {
  const auto& [pod, container] = found;
  const cri::LinuxContainerResources old_limits = ResourcesOf(container->record());
  const cri::LinuxContainerResources limits = MergeLimits(old_limits, change);
  const std::shared_ptr<const Setup> setup = setup_->Get();
  const HostFacts& host = setup->facts.host;
  const std::string spec_file = layout_.Spec(pod->id(), container->id());
  ASSIGN_OR_RETURN(const std::string old_spec, ReadBundleSpec(layout_, pod->id(), container->id()));
  ASSIGN_OR_RETURN(const std::string spec, WithLimits(host, old_spec, limits, "linux"));

  const bool running = container->running();
  RETURN_IF_ERROR(WriteFileAtomically(AT_FDCWD, spec_file, spec, kSpecMode));
  absl::Status status =
      running ? UpdateRunning(pod->runtime(), host, container->id(), spec, old_limits, limits, call) : absl::OkStatus();
  const bool exited = running && !container->running();
  if (status.ok()) status = Record(container, old_limits, limits);
  if (status.ok()) return status;
  if (exited) status = absl::FailedPreconditionError("it has exited meanwhile");
  if (running && !exited) {
    // Undoes what the runtime did before it failed, if anything. It may fail again, for the same reason.
    const CallContext undo = CallContext::WithTimeout(kUpdateUndoDeadline);
    UpdateRunning(pod->runtime(), host, container->id(), old_spec, limits, old_limits, undo).IgnoreError();
  }
  return Join(status, WriteFileAtomically(AT_FDCWD, spec_file, old_spec, kSpecMode));
}

absl::Status ResourceUpdater::Record(const ContainerPtr& container, const cri::LinuxContainerResources& old_limits,
                                     const cri::LinuxContainerResources& limits) {
  const auto set = [&container](const cri::LinuxContainerResources& value) {
    return container->UpdateRecord([&](ContainerRecord* record) { *record->mutable_updated_resources() = value; });
  };
  const absl::Status saved = records_->Replace(set(limits), Records::Purpose::kKeep);
  if (!saved.ok()) set(old_limits);
  return saved;
}

absl::Status ResourceUpdater::UpdatePod(const cri::UpdatePodSandboxResourcesRequest& request, const CallContext& call) {
  RETURN_IF_ERROR(CheckPodLimits(request));
  ASSIGN_OR_RETURN(const PodPtr pod, table_->FindPod(request.pod_sandbox_id()));
  ASSIGN_OR_RETURN(const Gate::Pass inside, pod->gate.Enter(call));
  RETURN_IF_ERROR(table_->FindPod(pod->id()));
  const std::string what = absl::StrCat("update pod ", pod->id());
  if (!pod->ready()) return absl::FailedPreconditionError(absl::StrCat(what, ": it is not ready"));
  PodRecord record = pod->record();
  if (request.has_overhead()) *record.mutable_updated_overhead() = request.overhead();
  if (request.has_resources()) *record.mutable_updated_resources() = request.resources();
  RETURN_IF_ERROR(LimitPodCgroup(record, pod->runtime().systemd_cgroup), what);
  RETURN_IF_ERROR(records_->Save(PhaseOf(Pod::State::kReady), record), what);
  pod->UpdateRecord([&](PodRecord* change) { change->Swap(&record); });
  return absl::OkStatus();
}

}  // namespace crisp
