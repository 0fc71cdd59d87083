#include "sandbox/testing/steps.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace crisp {

Steps::Step Steps::Enter(const std::string& name) {
  std::function<void()> call;
  Step step;
  {
    MutexLock lock(mutex_);
    ++times_[name];
    if (fault_ == Fault::kNone) return step;
    --left_;
    const bool by_number = left_ == 0 || (fault_ == Fault::kFrom && left_ < 0);
    if (!(awaited_name_.empty() ? by_number : name == awaited_name_)) return step;
    awaited_name_.clear();
    if (!reached_) planned_name_ = name;
    reached_ = true;
    changed_.NotifyAll();
    const absl::Status failed = absl::InternalError(absl::StrCat("injected fault at: ", name));
    if (fault_ == Fault::kBefore || fault_ == Fault::kFrom) step.before = failed;
    if (fault_ == Fault::kAfter) step.after = failed;
    if (fault_ == Fault::kCall) call = std::exchange(call_, nullptr);
    if (fault_ == Fault::kHold) {
      held_ = true;
      while (held_) changed_.Wait(mutex_);
    }
  }
  if (call) call();
  return step;
}

void Steps::Plan(Fault fault, int number) {
  MutexLock lock(mutex_);
  fault_ = fault;
  left_ = number;
  awaited_name_.clear();
  reached_ = false;
  wait_ended_ = false;
  planned_name_.clear();
}

void Steps::CallAt(int number, std::function<void()> call) {
  Plan(Fault::kCall, number);
  MutexLock lock(mutex_);
  call_ = std::move(call);
}

void Steps::CallAt(const std::string& name, std::function<void()> call) {
  CallAt(0, std::move(call));
  MutexLock lock(mutex_);
  awaited_name_ = name;
}

void Steps::HoldAt(const std::string& name) {
  Plan(Fault::kHold, 0);
  MutexLock lock(mutex_);
  awaited_name_ = name;
}

int Steps::times(const std::string& name) const {
  MutexLock lock(mutex_);
  const auto found = times_.find(name);
  return found == times_.end() ? 0 : found->second;
}

void Steps::FailAll() {
  MutexLock lock(mutex_);
  fault_ = Fault::kFrom;
  left_ = 1;
}

void Steps::Heal() {
  MutexLock lock(mutex_);
  fault_ = Fault::kNone;
  awaited_name_.clear();
  held_ = false;
  changed_.NotifyAll();
}

bool Steps::reached() const {
  MutexLock lock(mutex_);
  return reached_;
}

bool Steps::WaitHeld() {
  MutexLock lock(mutex_);
  const MonoTime end = MonoClock::now() + std::chrono::seconds(10);
  while (!held_ && !wait_ended_ && MonoClock::now() < end) changed_.WaitUntil(mutex_, end);
  return held_;
}

void Steps::EndWait() {
  MutexLock lock(mutex_);
  wait_ended_ = true;
  changed_.NotifyAll();
}

void Steps::Release() {
  MutexLock lock(mutex_);
  held_ = false;
  changed_.NotifyAll();
}

}  // namespace crisp
