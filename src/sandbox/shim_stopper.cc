#include "sandbox/shim_stopper.h"

#include <memory>
#include <optional>

#include "base/status_macros.h"
#include "runtime/shims.h"
#include "sandbox/container.h"
#include "sandbox/deadlines.h"
#include "sandbox/event_publisher.h"
#include "sandbox/pod.h"
#include "sandbox/pod_log.h"
#include "sandbox/records.h"
#include "sandbox/sandbox_counters.h"
#include "sandbox/shim_facts.h"

namespace crisp {

absl::Status ShimStopper::Stop(const PodPtr& pod, bool hangs, const CallContext& call) const {
  ASSIGN_OR_RETURN(const Gate::Pass inside, pod->shim_gate.Enter(call));
  const std::shared_ptr<Shim> shim = pod->shim.Get();
  if (shim == nullptr) return CleanUp(pod, call);
  const absl::Status down =
      hangs ? absl::DeadlineExceededError("it does not answer") : shim->Shutdown(call.Within(kShimDeadline));
  if (absl::IsDeadlineExceeded(down)) RETURN_IF_ERROR(call.Check(), "wait for the shim");
  if (!down.ok()) {
    LogPod(LogLevel::kWarning, "the shim did not shut down cleanly; crisp kills it and cleans up after it", *pod,
           {{"error", down.message()}});
    RETURN_IF_ERROR(shim->Terminate(call.Within(kKillDeadline)), "kill the shim");
  }
  pod->shim.Drop();
  if (!down.ok()) return CleanUp(pod, call);
  absl::Status status;
  for (const ContainerPtr& container : pod->containers.All()) {
    status = Join(status, EndLostContainer(pod, container));
  }
  return status;
}

absl::Status ShimStopper::CleanUp(const PodPtr& pod, const CallContext& call) const {
  absl::Status status = shims_->CleanUpContainer(pod->runtime(), pod->id(), pod->record().cgroups_path(), call);
  for (const ContainerPtr& container : pod->containers.All()) {
    const std::string cgroups_path = container->record().cgroups_path();
    status = Join(status, shims_->CleanUpContainer(pod->runtime(), container->id(), cgroups_path, call));
    status = Join(status, EndLostContainer(pod, container));
  }
  return status;
}

void ShimStopper::OnDeath(const PodPtr& pod) const {
  if (pod->shim.Get() == nullptr) return;
  counters_->shim_deaths.Add();
  LogPod(LogLevel::kError, "the shim has died; crisp ends the pod", *pod);
  const absl::Status status = Stop(pod, /*hangs=*/false, CallContext::WithTimeout(kTransitionDeadline));
  if (!status.ok()) {
    LogPod(LogLevel::kError, "clean-up after a dead shim failed; StopPodSandbox tries again", *pod,
           {{"error", status.message()}});
  }
  events_->PodStopped(pod);
}

absl::Status ShimStopper::EndLostContainer(const PodPtr& pod, const ContainerPtr& container) const {
  const Container::State state = container->state();
  if (state != Container::State::kRunning && state != Container::State::kStarting) return absl::OkStatus();
  // A start that is under way decides by itself what it has come to.
  const std::optional<Gate::Pass> inside =
      state == Container::State::kStarting ? container->gate.TryEnter() : std::nullopt;
  if (state == Container::State::kStarting && !inside) return absl::OkStatus();
  absl::Status status;
  const bool ran = state == Container::State::kRunning;
  if (const auto exit = ran ? ReadExit(layout_, container->id()) : std::nullopt) {
    container->Exit(*exit);
  } else if (container->End(MakeEnd(kExitCodeUnknown, kReasonUnknown,
                                    "its shim died, or the node was restarted, and nobody saw how it ended"))) {
    status = records_->Replace(container->record(), Records::Purpose::kFree);
  }
  events_->ContainerExited(pod, container);
  return status;
}

}  // namespace crisp
