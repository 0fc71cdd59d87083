// StartContainer: the shim makes and starts the container, and tells of its first process.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "sandbox/deadlines.h"
#include "sandbox/pod_manager.h"

namespace crisp {
namespace {

absl::Status NotReady(const Pod& pod) {
  return absl::FailedPreconditionError(absl::StrCat("pod ", pod.id(), " is not ready"));
}

absl::Status CheckStartable(const Pod& pod, const Container& container) {
  if (container.view().state == cri::CONTAINER_EXITED) {
    return absl::FailedPreconditionError("it has exited, and a container runs once");
  }
  return pod.ready() ? absl::OkStatus() : NotReady(pod);
}

}  // namespace

absl::Status PodManager::StartContainer(const std::string& container_id, const Call& call) {
  ASSIGN_OR_RETURN(const Found found, FindContainer(container_id));
  return transitions_
      .Do(absl::StrCat("start ", found.container->id()), call,
          [this, found](const SingleFlight<Done>::Abandoned&) -> absl::StatusOr<Done> {
            const Call own = Call::WithTimeout(kTransitionDeadline);
            const std::string what = absl::StrCat("start container ", found.container->id());
            ASSIGN_OR_RETURN(const Gate::Pass inside, found.container->gate.Enter(own), what);
            RETURN_IF_ERROR(FindContainer(found.container->id()), what);  // a removal may have been before us
            if (found.container->running()) return Done{};                // the answer to the first request was lost
            RETURN_IF_ERROR(CheckStartable(*found.pod, *found.container), what);
            RETURN_IF_ERROR(StartOnce(found, own), what);
            return Done{};
          })
      .status();
}

absl::Status PodManager::StartOnce(const Found& found, const Call& call) {
  const auto& [pod, container] = found;
  const std::shared_ptr<Shim> shim = pod->shim();
  if (shim == nullptr) return NotReady(*pod);

  ContainerRecord record = container->record();
  StartRequest request;
  request.container_id = container->id();
  request.bundle = layout_.Bundle(pod->id(), container->id());
  request.exit_path = layout_.ExitRecord(container->id());
  request.log_path = record.log_path();
  request.log_line_limit = options_.log_line_limit;
  request.cgroups_path = record.cgroups_path();
  request.runtime = pod->runtime();
  request.attachable = true;
  request.input = record.config().stdin();
  request.input_once = record.config().stdin_once();
  request.terminal = record.config().tty();
  const auto started = shim->Start(request, call);
  if (!started.ok()) {
    ContainerRecord::End* end = record.mutable_end();
    end->set_exit_code(kExitCodeStartError);
    end->set_reason(kReasonStartError);
    end->set_message(std::string(started.status().message()));
    end->set_finished_at(WallNanos());
    container->set_record(record);
    container->Ended(record.end());
    TellExit(pod, container);
    return Join(ForClient(started.status()), records_.Save(Phase::kCreated, record));
  }
  record.set_started_at(started->started_at);
  container->set_record(record);
  const absl::Status saved = records_.Save(Phase::kCreated, record);  // before anybody can add how it ended
  container->Started(*started);
  Tell(pod, container, cri::CONTAINER_STARTED_EVENT);
  TellExit(pod, container);  // it may have overtaken the answer to the start
  RETURN_IF_ERROR(saved);
  // Its shim may have died behind the answer, when there was nothing running yet whose end could have been told.
  return pod->shim() == nullptr ? EndLostContainer(pod, container) : absl::OkStatus();
}

}  // namespace crisp
