#include "sandbox/pod_watch.h"

#include "sandbox/container.h"
#include "sandbox/event_publisher.h"
#include "sandbox/pod_log.h"
#include "sandbox/pod_table.h"
#include "sandbox/sandbox_counters.h"
#include "sandbox/shim_stopper.h"

namespace crisp {

void PodWatch::OnContainerExited(const std::string& pod_id, const std::shared_ptr<Container>& container) {
  if (const PodPtr pod = table_->ById(pod_id)) events_->ContainerExited(pod, container);
}

void PodWatch::OnOomKill(const std::string& pod_id, const std::shared_ptr<Container>& container, uint64_t kills) {
  const uint64_t before = container->oom_kills.exchange(kills);
  if (kills > before) counters_->oom_kills.Add(kills - before);
  if (const PodPtr pod = table_->ById(pod_id)) {
    LogContainer(LogLevel::kWarning, "the OOM killer killed a process of the container", *pod, *container,
                 {{"oom_kills", kills}});
  }
}

void PodWatch::OnLogLoss(const std::string& pod_id, const std::shared_ptr<Container>& container, const LogLoss& loss) {
  if (const PodPtr pod = table_->ById(pod_id)) LogLostOutput(*pod, *container, loss);
}

void PodWatch::OnPauseExited(const std::string& pod_id, const ContainerExit& exit) {
  const PodPtr pod = table_->ById(pod_id);
  if (pod == nullptr) return;
  if (pod->state() == Pod::State::kEnded) {
    counters_->pause_exits.Add();
    LogPod(LogLevel::kWarning, "the pause container exited; the pod is not ready any more", *pod,
           {{"exit_code", exit.exit_code}, {"reason", ExitReason(exit)}});
  }
  events_->PodStopped(pod);
}

void PodWatch::OnShimDied(const std::string& pod_id) {
  background_.Run([this, pod_id] {
    if (const PodPtr pod = table_->ById(pod_id)) shim_stopper_->OnDeath(pod);
  });
}

}  // namespace crisp
