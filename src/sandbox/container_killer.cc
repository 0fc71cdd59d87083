#include "sandbox/container_killer.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/file.h"
#include "runtime/shim.h"
#include "sandbox/container.h"
#include "sandbox/deadlines.h"
#include "sandbox/event_publisher.h"
#include "sandbox/pod.h"
#include "sandbox/pod_log.h"
#include "sandbox/records.h"
#include "sandbox/shim_facts.h"

namespace crisp {
namespace {

using State = Container::State;

// Why a killed process is still there, as far as the kernel tells: "process 7 is in state D, in nfs_wait".
std::string DescribeStuck(pid_t pid) {
  const auto stat = ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/stat"), 4096);
  const auto wchan = ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/wchan"), 256);
  if (!stat.ok()) return absl::StrCat("process ", pid, " is gone");
  const size_t name_end = stat->rfind(") ");
  const std::string state = name_end == std::string::npos ? "?" : stat->substr(name_end + 2, 1);
  return absl::StrCat("process ", pid, " is in state ", state, ", in ", wchan.ok() ? *wchan : "?");
}

absl::Status WaitKilled(const ContainerPtr& container, const CallContext& call) {
  const absl::Status waited = container->WaitExited(call.Within(kKillDeadline));
  if (waited.ok() || !call.Check().ok()) return waited;
  return absl::InternalError(absl::StrCat("container ", container->id(),
                                          " does not end after SIGKILL: ", DescribeStuck(container->view().pid)));
}

absl::Status NoShim() {
  return absl::UnavailableError("the pod has no shim any more");
}

bool MayRun(const ContainerPtr& container) {
  const State state = container->state();
  return state == State::kStarting || state == State::kRunning;
}

std::chrono::seconds GraceOf(int64_t seconds) {
  return std::chrono::seconds(std::clamp<int64_t>(seconds, 0, 1 << 30));
}

}  // namespace

absl::Status ContainerKiller::KillAndWait(const PodPtr& pod, const std::vector<ContainerPtr>& containers,
                                          const CallContext& call) const {
  absl::Status status;
  std::vector<ContainerPtr> killed;
  for (const ContainerPtr& container : containers) {
    if (!MayRun(container)) continue;
    const absl::Status sent = Kill(pod, container, call.Within(kKillDeadline));
    if (absl::IsUnavailable(sent) || absl::IsDeadlineExceeded(sent)) return Annotate(sent, "have the shim kill");
    if (sent.ok()) killed.push_back(container);
    status = Join(status, sent);
  }
  for (const ContainerPtr& container : killed) {
    if (container->running()) status = Join(status, WaitKilled(container, call));
  }
  return status;
}

absl::Status ContainerKiller::End(const PodPtr& pod, const ContainerPtr& container, const CallContext& call) const {
  const absl::Status status = KillAndWait(pod, {container}, call);
  return absl::IsUnavailable(status) ? WaitKilled(container, call) : status;
}

absl::Status ContainerKiller::Stop(const PodPtr& pod, const ContainerPtr& container, int64_t grace,
                                   const CallContext& call) const {
  absl::Status status;
  if (container->running() && grace > 0) {
    status = SendStopSignal(pod, container, call.Within(kKillDeadline));
    if (status.ok() && !container->WaitExited(call.Within(GraceOf(grace))).ok()) status = call.Check();
    call.Done("send the stop signal and wait");
  }
  if (!status.ok() && !absl::IsUnavailable(status)) return status;
  const absl::Status ended = End(pod, container, call);
  call.Done("kill the container");
  return ended;
}

absl::Status ContainerKiller::SendStopSignal(const PodPtr& pod, const ContainerPtr& container,
                                             const CallContext& call) const {
  bool sent_before = false;
  container->UpdateRecord([&](ContainerRecord* record) {
    sent_before = record->stop_signalled();
    record->set_stop_signalled(true);
  });
  if (sent_before) return absl::OkStatus();
  const std::shared_ptr<Shim> shim = pod->shim.Get();
  const absl::Status sent =
      shim == nullptr ? NoShim() : shim->Kill(container->id(), container->record().stop_signal(), false, call);
  if (!sent.ok()) {
    container->UpdateRecord([](ContainerRecord* record) { record->set_stop_signalled(false); });
    return sent;
  }
  const absl::Status recorded = records_->Replace(container->record(), Records::Purpose::kFree);
  if (!recorded.ok()) {
    LogContainer(LogLevel::kWarning, "cannot record that the stop signal was sent; another daemon may send it again",
                 *pod, *container, {{"error", recorded.message()}});
  }
  return absl::OkStatus();
}

absl::Status ContainerKiller::Kill(const PodPtr& pod, const ContainerPtr& container, const CallContext& call) const {
  const std::shared_ptr<Shim> shim = pod->shim.Get();
  if (shim == nullptr) {
    if (container->state() == State::kStarting) {
      container->End(MakeEnd(kExitCodeStartError, kReasonStartError, "its shim died while it was started"));
    }
    return NoShim();
  }
  if (container->state() == State::kStarting) RETURN_IF_ERROR(SettleStart(*shim, pod, container, call));
  return container->running() ? shim->Kill(container->id(), SIGKILL, true, call) : absl::OkStatus();
}

absl::Status ContainerKiller::SettleStart(Shim& shim, const PodPtr& pod, const ContainerPtr& container,
                                          const CallContext& call) const {
  ASSIGN_OR_RETURN(const std::vector<ShimContainer> listed, shim.List(call));
  const ShimContainer* const known = FindListed(listed, container->id());
  if (known == nullptr) {
    container->End(MakeEnd(kExitCodeStartError, kReasonStartError, "its start was cancelled"));
  } else if (known->starting) {
    return absl::InternalError(
        absl::StrCat("container ", container->id(), " is still being started by its shim; try again"));
  } else {
    container->Start(known->started);
    if (known->exited) container->Exit(known->exit);
  }
  events_->ContainerExited(pod, container);
  return records_->Replace(container->record(), Records::Purpose::kFree);
}

}  // namespace crisp
