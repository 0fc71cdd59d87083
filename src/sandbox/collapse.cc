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
  if (pod->shim() == nullptr) return;  // StopPodSandbox has seen it first
  LogError("the shim of a pod has died; the pod ends", {{"pod", pod->id()}});
  const absl::Status status = StopShim(pod, /*hangs=*/false, Call::WithTimeout(kTransitionDeadline));
  if (!status.ok()) LogError("clean up after a shim", {{"pod", pod->id()}, {"error", status.message()}});
  TellExit(pod, nullptr);
}

absl::Status PodManager::EndLostContainer(const PodPtr& pod, const ContainerPtr& container) {
  shim::ExitRecord exit;
  absl::Status status;
  if (shim::ReadExitRecord(layout_.ExitRecord(container->id()), &exit) == 0) {
    container->Exited({exit.exit_code, exit.finished_at, exit.oom_killed});
  } else {
    ContainerRecord::End end;
    end.set_exit_code(kExitCodeUnknown);
    end.set_finished_at(WallNanos());
    end.set_reason(kReasonUnknown);
    end.set_message("its shim died, or the node was restarted, and nobody saw how it ended");
    if (const auto record = container->Lost(end)) status = records_.Replace(*record);
  }
  TellExit(pod, container);
  return status;
}

}  // namespace crisp
