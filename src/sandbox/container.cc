#include "sandbox/container.h"

#include <utility>

#include "base/clock.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

using State = Container::State;

bool IsMove(State from, State to) {
  switch (to) {
    case State::kCreating:
      return false;
    case State::kAborted:
    case State::kCreated:
      return from == State::kCreating;
    case State::kStarting:
      return from == State::kCreated;
    case State::kRunning:
      return from == State::kStarting;
    case State::kExited:
      return from == State::kStarting || from == State::kRunning;
    case State::kRemoving:
      return from == State::kCreated || from == State::kExited;
    case State::kRemoved:
      return from == State::kAborted || from == State::kRemoving;
  }
  return false;
}

ContainerRecord::End EndOf(const ContainerExit& exit) {
  ContainerRecord::End end;
  end.set_exit_code(exit.exit_code);
  end.set_finished_at(exit.finished_at);
  end.set_reason(ExitReason(exit));
  return end;
}

cri::ContainerState ShownState(State state, bool has_end) {
  if (state == State::kRunning) return cri::CONTAINER_RUNNING;
  if (state == State::kExited || has_end) return cri::CONTAINER_EXITED;
  return cri::CONTAINER_CREATED;
}

}  // namespace

std::string ExitReason(const ContainerExit& exit) {
  if (exit.oom_killed) return kReasonOomKilled;
  return exit.exit_code == 0 ? "Completed" : "Error";
}

ContainerRecord::End MakeEnd(int exit_code, const std::string& reason, const std::string& message) {
  ContainerRecord::End end;
  end.set_exit_code(exit_code);
  end.set_reason(reason);
  end.set_message(message);
  end.set_finished_at(WallNanos());
  return end;
}

Phase PhaseOf(Container::State state) {
  switch (state) {
    case State::kCreating:
    case State::kAborted:
      return Phase::kCreating;
    case State::kRemoving:
    case State::kRemoved:
      return Phase::kRemoving;
    default:
      return Phase::kCreated;
  }
}

Container::Container(ContainerRecord record, State state)
    : id_(record.id()), state_(state), record_(std::move(record)) {
  if (record_.has_end()) end_ = record_.end();
}

bool Container::MoveLocked(State next) {
  if (!IsMove(state_, next)) return false;
  state_ = next;
  if (next != State::kRunning) pid_ = -1;
  changed_.NotifyAll();
  return true;
}

ContainerRecord Container::record() const {
  MutexLock lock(mutex_);
  return record_;
}

void Container::WithRecord(absl::FunctionRef<void(const ContainerRecord&)> read) const {
  MutexLock lock(mutex_);
  read(record_);
}

ContainerRecord Container::UpdateRecord(absl::FunctionRef<void(ContainerRecord*)> change) {
  MutexLock lock(mutex_);
  change(&record_);
  return record_;
}

Container::State Container::state() const {
  MutexLock lock(mutex_);
  return state_;
}

bool Container::visible() const {
  const State now = state();
  return now != State::kCreating && now != State::kAborted && now != State::kRemoved;
}

ContainerView Container::view() const {
  MutexLock lock(mutex_);
  ContainerView view;
  view.state = ShownState(state_, end_.has_value());
  view.pid = pid_;
  view.started_at = record_.started_at();
  if (!end_) return view;
  view.finished_at = end_->finished_at();
  view.exit_code = end_->exit_code();
  view.reason = end_->reason();
  view.message = end_->message();
  return view;
}

bool Container::MoveTo(State next) {
  MutexLock lock(mutex_);
  return next != State::kRunning && next != State::kExited && MoveLocked(next);
}

bool Container::Start(const StartedContainer& started) {
  MutexLock lock(mutex_);
  if (!MoveLocked(State::kRunning)) return false;
  pid_ = started.pid;
  record_.set_started_at(started.started_at);
  if (!early_exit_) return true;
  end_ = EndOf(*early_exit_);
  return MoveLocked(State::kExited);
}

bool Container::Exit(const ContainerExit& exit) {
  MutexLock lock(mutex_);
  if (state_ == State::kStarting && !early_exit_) {
    early_exit_ = exit;
    return true;
  }
  if (state_ != State::kRunning || !MoveLocked(State::kExited)) return false;
  end_ = EndOf(exit);
  return true;
}

bool Container::End(const ContainerRecord::End& end) {
  MutexLock lock(mutex_);
  if (!MoveLocked(State::kExited)) return false;
  end_ = end;
  *record_.mutable_end() = end;
  return true;
}

absl::Status Container::WaitExited(const CallContext& call) const {
  MutexLock lock(mutex_);
  while (state_ == State::kRunning || state_ == State::kStarting) {
    RETURN_IF_ERROR(call.Check());
    changed_.WaitUntil(mutex_, call.NextLook());
  }
  return absl::OkStatus();
}

}  // namespace crisp
