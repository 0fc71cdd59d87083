#include "sandbox/start_container.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "runtime/shim.h"
#include "sandbox/client_status.h"
#include "sandbox/container.h"
#include "sandbox/deadlines.h"
#include "sandbox/event_publisher.h"
#include "sandbox/operation.h"
#include "sandbox/pod.h"
#include "sandbox/pod_log.h"
#include "sandbox/pod_user_namespace.h"
#include "sandbox/records.h"
#include "sandbox/sandbox_counters.h"
#include "sandbox/shim_stopper.h"

namespace crisp {

StartRequest ContainerStarter::RequestFor(const Pod& pod, const Container& container) const {
  const ContainerRecord record = container.record();
  StartRequest request;
  request.container_id = container.id();
  request.bundle = layout_.Bundle(pod.id(), container.id());
  request.exit_path = layout_.ExitRecord(container.id());
  request.log_path = record.log_path();
  const std::shared_ptr<const Setup> setup = setup_->Get();
  request.log_line_limit = setup->options.log_line_limit;
  request.log_wait = setup->options.log_wait;
  request.cgroups_path = record.cgroups_path();
  request.runtime = pod.runtime();
  request.attachable = true;
  request.input = record.config().stdin();
  request.input_once = record.config().stdin_once();
  request.terminal = record.config().tty();
  if (const std::optional<IdMap> id_map = IdMapOf(pod.record().config())) {
    request.stdio_uid = MapId(id_map->uids, 0).value_or(0);
    request.stdio_gid = MapId(id_map->gids, 0).value_or(0);
  }
  return request;
}

absl::Status ContainerStarter::Start(const std::string& container_id, const CallContext& call) {
  ASSIGN_OR_RETURN(const PodContainer found, table_->FindContainer(container_id));
  const auto start = [this, found,
                      trace = call.trace()](const SingleFlight<Done>::Abandoned& abandoned) -> absl::StatusOr<Done> {
    Operation operation("StartContainer", LogFieldsOf(*found.pod, *found.container), kTransitionDeadline, abandoned,
                        trace);
    RETURN_IF_ERROR(operation.End(StartInGate(found, operation.call())), "start container ", found.container->id());
    return Done{};
  };
  return flights_.Do(found.container->id(), call, start, "", &counters_->joined.Of("StartContainer")).status();
}

absl::Status ContainerStarter::StartInGate(const PodContainer& found, const CallContext& call) const {
  const auto& [pod, container] = found;
  ASSIGN_OR_RETURN(const Gate::Pass inside, container->gate.Enter(call));
  call.Done(kWaitForOthers);
  RETURN_IF_ERROR(table_->FindContainer(container->id()));  // it may have been removed meanwhile
  if (container->running()) return absl::OkStatus();        // the client did not get the answer to its first request
  if (container->view().state == cri::CONTAINER_EXITED) {
    return absl::FailedPreconditionError("it has exited, and a container runs once");
  }
  if (container->state() == Container::State::kRemoving) return absl::FailedPreconditionError("it is being removed");
  if (!pod->ready()) return PodNotReady(pod->id());
  return Ask(found, call);
}

absl::Status ContainerStarter::Ask(const PodContainer& found, const CallContext& call) const {
  const auto& [pod, container] = found;
  const std::shared_ptr<Shim> shim = pod->shim.Get();
  if (shim == nullptr) return PodNotReady(pod->id());
  container->MoveTo(Container::State::kStarting);  // it is there already if an earlier start was not decided
  const auto started = shim->Start(RequestFor(*pod, *container), call);
  call.Done("have the shim start it");
  if (started.ok()) return RecordStarted(found, *started);
  if (absl::IsUnknown(started.status())) return ForClient(started.status());
  return RecordFailed(found, ForClient(started.status()));
}

absl::Status ContainerStarter::RecordStarted(const PodContainer& found, const StartedContainer& started) const {
  const auto& [pod, container] = found;
  // Saved before the container is RUNNING: from then on others may add how it ended.
  const absl::Status saved = records_->Save(
      PhaseOf(Container::State::kRunning),
      container->UpdateRecord([&](ContainerRecord* record) { record->set_started_at(started.started_at); }));
  container->Start(started);
  events_->ContainerStarted(pod, container);
  events_->ContainerExited(pod, container);  // the exit may have come before the answer to the start
  RETURN_IF_ERROR(saved);
  // If the shim died after its answer, its death found no running container to end.
  return pod->shim.Get() == nullptr ? shim_stopper_->EndLostContainer(pod, container) : absl::OkStatus();
}

absl::Status ContainerStarter::RecordFailed(const PodContainer& found, const absl::Status& why) const {
  const auto& [pod, container] = found;
  container->End(MakeEnd(kExitCodeStartError, kReasonStartError, std::string(why.message())));
  events_->ContainerExited(pod, container);
  return Join(why, records_->Save(*container, Records::Purpose::kFree));
}

absl::Status ContainerStarter::Follow(const PodContainer& found) {
  ASSIGN_OR_RETURN(Gate::Pass inside, found.container->gate.Enter(CallContext::WithTimeout(kUndoDeadline)));
  const auto follow = [this, found, held = std::make_shared<Gate::Pass>(std::move(inside))](
                          const SingleFlight<Done>::Abandoned&) -> absl::StatusOr<Done> {
    const absl::Status started = Ask(found, CallContext::WithTimeout(kTransitionDeadline));
    if (!started.ok()) {
      LogContainer(LogLevel::kError, "a start that was under way when the last daemon ended has failed", *found.pod,
                   *found.container, {{"error", started.message()}});
    }
    RETURN_IF_ERROR(started);
    return Done{};
  };
  const CallContext do_not_wait(MonoClock::now());
  const auto begun = flights_.Do(found.container->id(), do_not_wait, follow);
  return absl::IsDeadlineExceeded(begun.status()) ? absl::OkStatus() : begun.status();
}

}  // namespace crisp
