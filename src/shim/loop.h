// Loop: the shim's one thread. It waits for descriptors and timers in epoll_wait(2), which is the only place where it
// sleeps; there is no periodic tick.
//
// Callbacks may watch, unwatch and set timers as they like. They must not block: every container and exec of the pod
// waits for them. An object that must not be destroyed inside its own callback is passed to
// DestroyLater.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "os/fd.h"

namespace crisp::shim {

int64_t MonoNanos();  // CLOCK_MONOTONIC
int64_t WallNanos();  // since 1970

class Loop {
 public:
  using Ready = std::function<void(uint32_t events)>;
  using Timer = uint64_t;  // 0: none

  Loop();

  // Calls `ready` while `events` hold (level-triggered) until Unwatch. The caller keeps the descriptor open.
  void Watch(int fd, uint32_t events, Ready ready);
  void Change(int fd, uint32_t events);  // 0: only hang-ups and errors, which epoll always reports
  void Unwatch(int fd);                  // does nothing if it is not watched

  // Calls `expired` once, at a time of CLOCK_MONOTONIC or after some time. A past time means: as soon as possible, from
  // the loop.
  Timer At(int64_t mono_nanos, std::function<void()> expired);
  Timer After(int64_t nanos, std::function<void()> expired);
  int64_t DueAt(Timer timer) const;  // 0 if it has expired or is none
  void Cancel(Timer* timer);         // also sets it to 0; a timer that has expired may be cancelled too

  // Keeps `object` until the callbacks of this round have returned.
  void DestroyLater(std::shared_ptr<void> object) { destroy_later_.push_back(std::move(object)); }

  // Calls `rested` after each round, when all callbacks have returned and what was to be destroyed is gone.
  void OnRest(std::function<void()> rested) { rested_ = std::move(rested); }

  void Run();  // until Stop
  void Stop() { stopped_ = true; }

 private:
  struct Watched {
    uint32_t generation = 0;  // tells events of an earlier descriptor with the same number apart
    bool active = false;
    Ready ready;
  };
  struct Deadline {
    Timer id;
    int64_t when;
    std::function<void()> expired;
  };

  int NextTimeoutMs() const;
  void Expire();
  void Dispatch(const epoll_event& event);

  Fd epoll_;
  std::vector<Watched> watched_;  // by descriptor
  std::vector<Deadline> deadlines_;
  std::vector<std::shared_ptr<void>> destroy_later_;
  std::function<void()> rested_;
  Timer last_timer_ = 0;
  bool stopped_ = false;
};

}  // namespace crisp::shim
