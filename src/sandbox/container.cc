#include "sandbox/container.h"

#include <utility>

#include "base/status_macros.h"

namespace crisp {

std::string ExitReason(const ContainerExit& exit) {
  if (exit.oom_killed) return "OOMKilled";
  return exit.exit_code == 0 ? "Completed" : "Error";
}

ContainerRecord Container::record() const {
  MutexLock lock(mutex_);
  return record_;
}

void Container::set_record(ContainerRecord record) {
  MutexLock lock(mutex_);
  record_ = std::move(record);
}

bool Container::created() const {
  MutexLock lock(mutex_);
  return created_;
}

void Container::set_created() {
  MutexLock lock(mutex_);
  created_ = true;
}

ContainerView Container::ViewLocked() const {
  ContainerView view;
  view.started_at = started_ ? started_->started_at : record_.started_at();
  if (end_) {
    view.state = cri::CONTAINER_EXITED;
    view.finished_at = end_->finished_at();
    view.exit_code = end_->exit_code();
    view.reason = end_->reason();
    view.message = end_->message();
  } else if (started_ && exit_) {
    view.state = cri::CONTAINER_EXITED;
    view.finished_at = exit_->finished_at;
    view.exit_code = exit_->exit_code;
    view.reason = ExitReason(*exit_);
  } else if (started_) {
    view.state = cri::CONTAINER_RUNNING;
    view.pid = started_->pid;
  }
  return view;
}

ContainerView Container::view() const {
  MutexLock lock(mutex_);
  return ViewLocked();
}

void Container::Started(const StartedContainer& started) {
  MutexLock lock(mutex_);
  started_ = started;
  changed_.NotifyAll();
}

void Container::Exited(const ContainerExit& exit) {
  MutexLock lock(mutex_);
  if (!exit_) exit_ = exit;
  changed_.NotifyAll();
}

void Container::Ended(const ContainerRecord::End& end) {
  MutexLock lock(mutex_);
  if (!end_) end_ = end;
  changed_.NotifyAll();
}

std::optional<ContainerRecord> Container::Lost(const ContainerRecord::End& end) {
  MutexLock lock(mutex_);
  if (ViewLocked().state != cri::CONTAINER_RUNNING) return std::nullopt;
  end_ = end;
  *record_.mutable_end() = end;
  changed_.NotifyAll();
  return record_;
}

ContainerRecord Container::SetUpdatedResources(const cri::LinuxContainerResources& limits) {
  MutexLock lock(mutex_);
  *record_.mutable_updated_resources() = limits;
  return record_;
}

absl::Status Container::WaitExited(const Call& call) {
  MutexLock lock(mutex_);
  while (ViewLocked().state != cri::CONTAINER_EXITED) {
    RETURN_IF_ERROR(call.Check());
    changed_.WaitUntil(mutex_, call.NextLook());
  }
  return absl::OkStatus();
}

}  // namespace crisp
