#include "sandbox/stop.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "sandbox/container.h"
#include "sandbox/container_killer.h"
#include "sandbox/deadlines.h"
#include "sandbox/operation.h"
#include "sandbox/pod.h"
#include "sandbox/pod_log.h"
#include "sandbox/teardown.h"

namespace crisp {

absl::Status Stopper::StopContainer(const std::string& container_id, int64_t grace, const Call& call) {
  if (grace < 0) return absl::InvalidArgumentError("field timeout: must not be negative");
  const auto found = table_->FindContainer(container_id);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  RETURN_IF_ERROR(found);
  const auto& [pod, container] = *found;
  StepLog log("StopContainer", LogFieldsOf(*pod, *container));
  const absl::Status stopped = StopAfterStart(*found, grace, call.LoggedIn(&log));
  log.Finish(stopped);
  return Annotate(stopped, absl::StrCat("stop container ", container->id()));
}

// The gate is not kept: a second call with a shorter grace must not wait for this one.
absl::Status Stopper::StopAfterStart(const PodContainer& found, int64_t grace, const Call& call) const {
  RETURN_IF_ERROR(found.container->gate.Enter(call));
  call.Done("wait for other operations on the container");
  return killer_->Stop(found.pod, found.container, grace, call);
}

absl::Status Stopper::RemoveContainer(const std::string& container_id, const Call& call) {
  const auto found = table_->FindContainer(container_id);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  RETURN_IF_ERROR(found);
  const auto remove = [this, found = *found](const SingleFlight<Done>::Abandoned& abandoned) -> absl::StatusOr<Done> {
    Operation operation("RemoveContainer", LogFieldsOf(*found.pod, *found.container), kTransitionDeadline, abandoned);
    const absl::Status removed = [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const Gate::Pass inside, found.container->gate.Enter(operation.call()));
      operation.call().Done("wait for other operations on the container");
      return teardown_->RemoveContainer(found.pod, found.container, operation.call());
    }();
    RETURN_IF_ERROR(operation.End(removed), "remove container ", found.container->id());
    return Done{};
  };
  return flights_.Do(absl::StrCat("remove ", found->container->id()), call, remove).status();
}

absl::Status Stopper::StopPod(const std::string& pod_id, const Call& call) {
  return Do("stop", &Teardown::StopPod, pod_id, call);
}

absl::Status Stopper::RemovePod(const std::string& pod_id, const Call& call) {
  return Do("remove", &Teardown::RemovePod, pod_id, call);
}

absl::Status Stopper::Do(const std::string& verb, PodStep step, const std::string& pod_id, const Call& call) {
  const auto pod = table_->FindPod(pod_id);
  if (absl::IsNotFound(pod.status())) return absl::OkStatus();
  RETURN_IF_ERROR(pod);
  const auto work = [this, step, pod = *pod,
                     verb](const SingleFlight<Done>::Abandoned& abandoned) -> absl::StatusOr<Done> {
    Operation operation(verb == "stop" ? "StopPodSandbox" : "RemovePodSandbox", LogFieldsOf(*pod), kTransitionDeadline,
                        abandoned);
    const absl::Status done = [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const Gate::Pass inside, pod->gate.Enter(operation.call()));
      operation.call().Done("wait for other operations on the pod");
      return (teardown_->*step)(pod, operation.call());
    }();
    RETURN_IF_ERROR(operation.End(done), verb, " pod ", pod->id());
    return Done{};
  };
  return flights_.Do(absl::StrCat(verb, " ", (*pod)->id()), call, work).status();
}

}  // namespace crisp
