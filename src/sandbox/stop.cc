#include "sandbox/stop.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "sandbox/container.h"
#include "sandbox/container_killer.h"
#include "sandbox/deadlines.h"
#include "sandbox/pod.h"
#include "sandbox/teardown.h"

namespace crisp {

absl::Status Stopper::StopContainer(const std::string& container_id, int64_t grace, const Call& call) {
  if (grace < 0) return absl::InvalidArgumentError("field timeout: must not be negative");
  const auto found = table_->FindContainer(container_id);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  RETURN_IF_ERROR(found);
  const auto& [pod, container] = *found;
  const std::string what = absl::StrCat("stop container ", container->id());
  // The gate is not kept: a second call with a shorter grace must not wait for this one.
  RETURN_IF_ERROR(container->gate.Enter(call), what);
  return Annotate(killer_->Stop(pod, container, grace, call), what);
}

absl::Status Stopper::RemoveContainer(const std::string& container_id, const Call& call) {
  const auto found = table_->FindContainer(container_id);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  RETURN_IF_ERROR(found);
  const auto remove = [this, found = *found](const SingleFlight<Done>::Abandoned&) -> absl::StatusOr<Done> {
    const Call own = Call::WithTimeout(kTransitionDeadline);
    const std::string what = absl::StrCat("remove container ", found.container->id());
    ASSIGN_OR_RETURN(const Gate::Pass inside, found.container->gate.Enter(own), what);
    RETURN_IF_ERROR(teardown_->RemoveContainer(found.pod, found.container, own), what);
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
  const auto work = [this, step, pod = *pod, verb](const SingleFlight<Done>::Abandoned&) -> absl::StatusOr<Done> {
    const Call own = Call::WithTimeout(kTransitionDeadline);
    const std::string what = absl::StrCat(verb, " pod ", pod->id());
    ASSIGN_OR_RETURN(const Gate::Pass inside, pod->gate.Enter(own), what);
    RETURN_IF_ERROR((teardown_->*step)(pod, own), what);
    return Done{};
  };
  return flights_.Do(absl::StrCat(verb, " ", (*pod)->id()), call, work).status();
}

}  // namespace crisp
