#include "sandbox/pod.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "sandbox/container.h"

namespace crisp {
namespace {

using State = Pod::State;

bool IsMove(State from, State to) {
  switch (to) {
    case State::kCreating:
      return false;
    case State::kUndoing:
    case State::kReady:
      return from == State::kCreating;
    case State::kLeftover:
      return from == State::kUndoing;
    case State::kEnded:
      return from == State::kReady;
    case State::kStopping:
      return from == State::kReady || from == State::kEnded;
    case State::kStopped:
      return from == State::kStopping;
    case State::kRemoving:
      return from == State::kStopped;
    case State::kRemoved:
      return from == State::kUndoing || from == State::kLeftover || from == State::kRemoving;
  }
  return false;
}

}  // namespace

Phase PhaseOf(Pod::State state) {
  switch (state) {
    case State::kCreating:
    case State::kUndoing:
    case State::kLeftover:
      return Phase::kCreating;
    case State::kReady:
    case State::kEnded:
      return Phase::kCreated;
    case State::kStopping:
    case State::kStopped:
      return Phase::kStopped;
    case State::kRemoving:
    case State::kRemoved:
      return Phase::kRemoving;
  }
  return Phase::kCreating;
}

Pod::Pod(PodRecord record, OciRuntime runtime, PodListener* listener, State state)
    : id_(record.id()), runtime_(std::move(runtime)), listener_(listener), state_(state), record_(std::move(record)) {}

PodRecord Pod::record() const {
  MutexLock lock(mutex_);
  return record_;
}

void Pod::WithRecord(absl::FunctionRef<void(const PodRecord&)> read) const {
  MutexLock lock(mutex_);
  read(record_);
}

PodRecord Pod::UpdateRecord(absl::FunctionRef<void(PodRecord*)> change) {
  MutexLock lock(mutex_);
  change(&record_);
  return record_;
}

Pod::State Pod::state() const {
  MutexLock lock(mutex_);
  return state_;
}

bool Pod::visible() const {
  const State now = state();
  return now != State::kCreating && now != State::kUndoing && now != State::kRemoved;
}

bool Pod::MoveTo(State next) {
  MutexLock lock(mutex_);
  if (!IsMove(state_, next)) return false;
  state_ = next;
  return true;
}

void Pod::MarkEnded() {
  if (!MoveTo(State::kUndoing)) MoveTo(State::kEnded);
}

absl::Status Pod::AddContainer(std::shared_ptr<Container> container) {
  MutexLock lock(mutex_);
  if (state_ != State::kReady) return absl::FailedPreconditionError(absl::StrCat("pod ", id_, " is not ready"));
  const std::string& id = container->id();
  containers.Add(id, std::move(container));
  return absl::OkStatus();
}

void Pod::OnExit(absl::string_view container_id, const ContainerExit& exit) {
  if (container_id == id_) {
    MarkEnded();
    return listener_->OnPauseExited(id_, exit);
  }
  const std::shared_ptr<Container> container = containers.Find(std::string(container_id));
  if (container == nullptr) return;
  container->Exit(exit);
  listener_->OnContainerExited(id_, container);
}

void Pod::OnOomKill(absl::string_view container_id, uint64_t kills) {
  const std::shared_ptr<Container> container = containers.Find(std::string(container_id));
  if (container != nullptr) listener_->OnOomKill(id_, container, kills);
}

void Pod::OnLogLoss(absl::string_view container_id, const LogLoss& loss) {
  const std::shared_ptr<Container> container = containers.Find(std::string(container_id));
  if (container == nullptr) return;
  const LogLoss before = container->log_loss.Set(loss);
  if (before.dropping != loss.dropping) listener_->OnLogLoss(id_, container, loss);
}

void Pod::OnShimGone() {
  MarkEnded();
  listener_->OnShimDied(id_);
}

}  // namespace crisp
