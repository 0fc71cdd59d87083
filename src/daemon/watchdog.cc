#include "daemon/watchdog.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "base/thread.h"

namespace crisp {

struct Watchdog::Answers {
  Mutex mutex;
  CondVar changed;
  uint64_t last ABSL_GUARDED_BY(mutex) = 0;  // the latest question that was answered; they count from 1
  bool ending ABSL_GUARDED_BY(mutex) = false;
  uint64_t asked = 0;  // of the watchdog's thread
};

absl::StatusOr<std::unique_ptr<Watchdog>> Watchdog::Start(std::chrono::microseconds time, std::vector<Worker> workers,
                                                          std::function<void()> alive) {
  if (time.count() <= 0) return nullptr;
  std::unique_ptr<Watchdog> watchdog(new Watchdog(time / 2, std::move(workers), std::move(alive)));
  ASSIGN_OR_RETURN(watchdog->thread_, StartThread("the watchdog", [self = watchdog.get()] { self->Run(); }));
  return watchdog;
}

Watchdog::Watchdog(MonoClock::duration interval, std::vector<Worker> workers, std::function<void()> alive)
    : interval_(interval),
      workers_(std::move(workers)),
      alive_(std::move(alive)),
      answers_(std::make_shared<Answers>()) {}

Watchdog::~Watchdog() {
  {
    const MutexLock lock(answers_->mutex);
    answers_->ending = true;
    answers_->changed.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void Watchdog::Run() {
  MonoTime next = MonoClock::now();
  do {
    next += interval_;
    const bool works =
        std::all_of(workers_.begin(), workers_.end(), [&](const Worker& worker) { return Answered(worker, next); });
    if (works) alive_();
  } while (SleepUntil(next));
}

bool Watchdog::SleepUntil(MonoTime when) {
  const MutexLock lock(answers_->mutex);
  while (!answers_->ending && answers_->changed.WaitUntil(answers_->mutex, when)) {
  }
  return !answers_->ending;
}

bool Watchdog::Answered(const Worker& worker, MonoTime until) {
  const uint64_t question = ++answers_->asked;
  const auto answer = [answers = answers_, question] {
    const MutexLock lock(answers->mutex);
    answers->last = std::max(answers->last, question);
    answers->changed.NotifyAll();
  };
  worker.ask(answer, until);
  const MutexLock lock(answers_->mutex);
  while (answers_->last < question && !answers_->ending) {
    if (answers_->changed.WaitUntil(answers_->mutex, until)) continue;
    LogError("a part of crispd does not answer; systemd restarts crispd if that lasts", {{"part", worker.name}});
    return false;
  }
  return answers_->last >= question;
}

}  // namespace crisp
