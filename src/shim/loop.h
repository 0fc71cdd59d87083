// Loop: the shim's one thread, waiting for descriptors and deadlines. It sleeps in epoll_wait for as long as nothing
// happens: there is no tick.
//
// Callbacks may watch, unwatch and set timers as they like. An object that may not die inside its own callback is
// handed to Bury, and dies when the callback has returned.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "os/fd.h"

namespace crisp::shim {

int64_t MonoNanos();
int64_t WallNanos();

class Loop {
 public:
  using Ready = std::function<void(uint32_t events)>;
  using Timer = uint64_t;  // 0: none

  Loop();

  // Calls `ready` while `events` hold (level-triggered) until Unwatch. The caller keeps the descriptor open.
  void Watch(int fd, uint32_t events, Ready ready);
  void Change(int fd, uint32_t events);  // 0: only hang-ups and errors, which epoll always tells
  void Unwatch(int fd);                  // nothing if it is not watched

  Timer At(int64_t mono_nanos, std::function<void()> expired);
  Timer After(int64_t nanos, std::function<void()> expired);
  void Cancel(Timer* timer);  // and sets it to 0

  void Bury(std::shared_ptr<void> body) { graves_.push_back(std::move(body)); }

  void Run();  // until Stop
  void Stop() { stopped_ = true; }

 private:
  struct Watched {
    uint32_t generation = 0;  // an event that was queued for a former owner of the number does not match
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
  std::vector<std::shared_ptr<void>> graves_;
  Timer last_timer_ = 0;
  bool stopped_ = false;
};

}  // namespace crisp::shim
