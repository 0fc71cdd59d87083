// The death of a shim. Its containers cannot be watched any more and their output has nowhere to go, so the pod ends:
// every process of it is killed, and every container that ran has exited with 255, "Unknown".
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "sandbox/deadlines.h"
#include "sandbox/pod_manager.h"
#include "shim/exit_record.h"

namespace crisp {

void PodManager::Collapse(const PodPtr& pod) {
  pod->set_not_ready();
  if (pod->TakeShim() == nullptr) return;
  LogError("the shim of a pod has died; the pod ends", {{"pod", pod->id()}});
  const Call call = Call::WithTimeout(kTransitionDeadline);
  absl::Status status = StopShim(pod, call);
  if (!status.ok()) LogError("clean up after a shim", {{"pod", pod->id()}, {"error", status.message()}});
  for (const ContainerPtr& container : pod->containers()) {
    if (container->running()) EndLostContainer(container);
    TellExit(pod, container);
  }
  TellExit(pod, nullptr);
}

void PodManager::EndLostContainer(const ContainerPtr& container) {
  shim::ExitRecord exit;
  if (shim::ReadExitRecord(layout_.ExitRecord(container->id()), &exit) == 0) {
    container->Exited({exit.exit_code, exit.finished_at, exit.oom_killed});
    return;
  }
  ContainerRecord record = container->record();
  record.mutable_end()->set_exit_code(kExitCodeUnknown);
  record.mutable_end()->set_finished_at(WallNanos());
  record.mutable_end()->set_reason(kReasonUnknown);
  record.mutable_end()->set_message("its shim died, or the node was restarted, and nobody saw how it ended");
  container->set_record(record);
  const absl::Status saved = records_.Save(Phase::kCreated, record);
  if (!saved.ok()) LogError("record the end of a container", {{"container", record.id()}, {"error", saved.message()}});
  container->Ended(record.end());
}

}  // namespace crisp
