// StopContainer, StopPodSandbox and the removals: how what runs comes to its end.
#include <fcntl.h>

#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/file.h"
#include "sandbox/deadlines.h"
#include "sandbox/pod_manager.h"

namespace crisp {
namespace {

// Why a process that was killed is still there, as far as the kernel tells: "process 7 is in state D, in nfs_wait".
std::string DescribeStuck(pid_t pid) {
  const auto stat = ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/stat"), 4096);
  const auto wchan = ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/wchan"), 256);
  if (!stat.ok()) return absl::StrCat("process ", pid, " is gone");
  const size_t name_end = stat->rfind(") ");
  const std::string state = name_end == std::string::npos ? "?" : stat->substr(name_end + 2, 1);
  return absl::StrCat("process ", pid, " is in state ", state, ", in ", wchan.ok() ? *wchan : "?");
}

absl::Status WaitKilled(const std::shared_ptr<Container>& container, const Call& call) {
  const absl::Status waited = container->WaitExited(call.Within(kKillDeadline));
  if (waited.ok() || !call.Check().ok()) return waited;
  return absl::InternalError(absl::StrCat("container ", container->id(),
                                          " does not end after SIGKILL: ", DescribeStuck(container->view().pid)));
}

absl::Status NoShim() {
  return absl::UnavailableError("the pod has no shim any more");
}

std::chrono::seconds Grace(int64_t seconds) {
  return std::chrono::seconds(std::clamp<int64_t>(seconds, 0, 1 << 30));
}

}  // namespace

absl::Status PodManager::StopContainer(const std::string& container_id, int64_t grace, const Call& call) {
  if (grace < 0) return absl::InvalidArgumentError("field timeout: must not be negative");
  const auto found = FindContainer(container_id);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  RETURN_IF_ERROR(found);
  const auto& [pod, container] = *found;
  // A start in flight is let finish. The gate is not kept: a second call with a shorter grace must not wait for it.
  RETURN_IF_ERROR(container->gate.Enter(call), "stop container ", container->id());
  absl::Status status;
  if (container->running() && grace > 0) {
    const std::shared_ptr<Shim> shim = pod->shim();
    status = shim == nullptr ? NoShim() : shim->Kill(container->id(), container->record().stop_signal(), false, call);
    if (status.ok() && !container->WaitExited(call.Within(Grace(grace))).ok()) status = call.Check();
  }
  if (status.ok() || absl::IsUnavailable(status)) status = EndContainer(pod, container, call);
  return Annotate(status, absl::StrCat("stop container ", container->id()));
}

absl::Status PodManager::KillAndWait(const PodPtr& pod, const std::vector<ContainerPtr>& containers, const Call& call) {
  const std::shared_ptr<Shim> shim = pod->shim();
  absl::Status status;
  for (const ContainerPtr& container : containers) {
    if (!container->running()) continue;
    const absl::Status told =
        shim == nullptr ? NoShim() : shim->Kill(container->id(), SIGKILL, true, call.Within(kKillDeadline));
    if (absl::IsUnavailable(told) || absl::IsDeadlineExceeded(told)) return Annotate(told, "have the shim kill");
    status = Join(status, told);
  }
  for (const ContainerPtr& container : containers) {
    if (container->running()) status = Join(status, WaitKilled(container, call));
  }
  return status;
}

absl::Status PodManager::EndContainer(const PodPtr& pod, const ContainerPtr& container, const Call& call) {
  const absl::Status status = KillAndWait(pod, {container}, call);
  // A shim that is gone has taken its containers along, and Collapse will have told in a moment.
  return absl::IsUnavailable(status) ? WaitKilled(container, call) : status;
}

absl::Status PodManager::RemoveContainer(const std::string& container_id, const Call& call) {
  const auto found = FindContainer(container_id);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  RETURN_IF_ERROR(found);
  return transitions_
      .Do(absl::StrCat("remove ", found->container->id()), call,
          [this, found = *found](const SingleFlight<Done>::Abandoned&) -> absl::StatusOr<Done> {
            const Call own = Call::WithTimeout(kTransitionDeadline);
            ASSIGN_OR_RETURN(const Gate::Pass inside, found.container->gate.Enter(own));
            if (!found.pod->has(found.container->id())) return Done{};  // it went with its pod
            RETURN_IF_ERROR(RemoveContainerResources(found.pod, found.container, own), "remove container ",
                            found.container->id());
            return Done{};
          })
      .status();
}

absl::Status PodManager::StopPod(const std::string& pod_id, const Call& call) {
  const auto pod = FindPod(pod_id);
  if (absl::IsNotFound(pod.status())) return absl::OkStatus();
  RETURN_IF_ERROR(pod);
  return transitions_
      .Do(absl::StrCat("stop ", (*pod)->id()), call,
          [this, pod = *pod](const SingleFlight<Done>::Abandoned&) -> absl::StatusOr<Done> {
            const Call own = Call::WithTimeout(kTransitionDeadline);
            ASSIGN_OR_RETURN(const Gate::Pass inside, pod->gate.Enter(own));
            RETURN_IF_ERROR(StopResources(pod, own), "stop pod ", pod->id());
            return Done{};
          })
      .status();
}

absl::Status PodManager::RemovePod(const std::string& pod_id, const Call& call) {
  const auto pod = FindPod(pod_id);
  if (absl::IsNotFound(pod.status())) return absl::OkStatus();
  RETURN_IF_ERROR(pod);
  return transitions_
      .Do(absl::StrCat("remove ", (*pod)->id()), call,
          [this, pod = *pod](const SingleFlight<Done>::Abandoned&) -> absl::StatusOr<Done> {
            const Call own = Call::WithTimeout(kTransitionDeadline);
            ASSIGN_OR_RETURN(const Gate::Pass inside, pod->gate.Enter(own));
            RETURN_IF_ERROR(Discard(pod, own), "remove pod ", pod->id());
            return Done{};
          })
      .status();
}

}  // namespace crisp
