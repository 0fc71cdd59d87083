#include "sandbox/stop.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "sandbox/container.h"
#include "sandbox/container_killer.h"
#include "sandbox/deadlines.h"
#include "sandbox/operation.h"
#include "sandbox/pod.h"
#include "sandbox/pod_log.h"
#include "sandbox/sandbox_counters.h"
#include "sandbox/teardown.h"

namespace crisp {

absl::Status Stopper::StopContainer(const std::string& container_id, int64_t grace, const CallContext& call) {
  const auto found = table_->FindContainer(container_id);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  RETURN_IF_ERROR(found);
  const auto& [pod, container] = *found;
  StepLog log("StopContainer", LogFieldsOf(*pod, *container), MonoClock::now(), call.trace());
  const absl::Status stopped = StopAfterStart(*found, grace, call.LoggedIn(&log));
  log.Finish(stopped);
  return Annotate(stopped, absl::StrCat("stop container ", container->id()));
}

// The gate is not kept: a second call with a shorter grace must not wait for this one.
absl::Status Stopper::StopAfterStart(const PodContainer& found, int64_t grace, const CallContext& call) const {
  RETURN_IF_ERROR(found.container->gate.Enter(call));
  call.Done(kWaitForOthers);
  return killer_->Stop(found.pod, found.container, grace, call);
}

absl::Status Stopper::RemoveContainer(const std::string& container_id, const CallContext& call) {
  const auto found = table_->FindContainer(container_id);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  RETURN_IF_ERROR(found);
  const auto& [pod, container] = *found;
  const auto remove = [this, found = *found](const CallContext& own) {
    return teardown_->RemoveContainer(found.pod, found.container, own);
  };
  return Do("RemoveContainer", absl::StrCat("remove container ", container->id()), LogFieldsOf(*pod, *container),
            &container->gate, remove, call);
}

absl::Status Stopper::StopPod(const std::string& pod_id, const CallContext& call) {
  return DoOnPod("StopPodSandbox", "stop", &Teardown::StopPod, pod_id, call);
}

absl::Status Stopper::RemovePod(const std::string& pod_id, const CallContext& call) {
  return DoOnPod("RemovePodSandbox", "remove", &Teardown::RemovePod, pod_id, call);
}

absl::Status Stopper::DoOnPod(const std::string& operation, const std::string& verb, PodStep step,
                              const std::string& pod_id, const CallContext& call) {
  const auto found = table_->FindPod(pod_id);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  RETURN_IF_ERROR(found);
  const PodPtr& pod = *found;
  const auto work = [this, step, pod](const CallContext& own) { return (teardown_->*step)(pod, own); };
  return Do(operation, absl::StrCat(verb, " pod ", pod->id()), LogFieldsOf(*pod), &pod->gate, work, call);
}

absl::Status Stopper::Do(const std::string& operation, const std::string& what, OwnedLogFields log_fields, Gate* gate,
                         std::function<absl::Status(const CallContext&)> work, const CallContext& call) {
  const auto flight = [=,
                       trace = call.trace()](const SingleFlight<Done>::Abandoned& abandoned) -> absl::StatusOr<Done> {
    Operation running(operation, log_fields, kTransitionDeadline, abandoned, trace);
    const auto in_gate = [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const Gate::Pass inside, gate->Enter(running.call()));
      running.call().Done(kWaitForOthers);
      return work(running.call());
    };
    RETURN_IF_ERROR(running.End(in_gate()), what);
    return Done{};
  };
  return flights_.Do(what, call, flight, "", &counters_->joined.Of(operation)).status();
}

}  // namespace crisp
