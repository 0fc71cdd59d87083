#include "daemon/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/thread.h"

namespace crisp {

absl::StatusOr<std::unique_ptr<Signals>> Signals::Start(Options options) {
  std::unique_ptr<Signals> signals(new Signals(std::move(options)));
  ASSIGN_OR_RETURN(signals->thread_, StartThread("signals", [self = signals.get()] { self->Run(); }));
  return signals;
}

Signals::Signals(Options options) : options_(std::move(options)) {
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&signals_);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals_, number);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

Signals::~Signals() {
  if (!thread_.joinable()) return;
  {
    const MutexLock lock(mutex_);
    done_ = true;
    changed_.NotifyAll();
  }
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

void Signals::AwaitEnd() {
  MutexLock lock(mutex_);
  while (!ending_) changed_.Wait(mutex_);
}

void Signals::Run() {
  int number = 0;
  while (number != SIGTERM && number != SIGINT) {
    sigwait(&signals_, &number);
    if (number == SIGHUP) options_.on_hup();
    if (number == SIGUSR1) options_.on_usr1();
  }
  {
    const MutexLock lock(mutex_);
    if (done_) return;
    ending_ = true;
    changed_.NotifyAll();
  }
  LogInfo("ending; pods go on", {{"signal", number}});
  options_.on_end();
  EndInTime();
}

void Signals::EndInTime() {
  const MonoTime last = MonoClock::now() + options_.end_time;
  MutexLock lock(mutex_);
  while (!done_) {
    if (changed_.WaitUntil(mutex_, last)) continue;
    LogWarning("work is left in progress; the next start finishes it");
    _exit(0);
  }
}

}  // namespace crisp
