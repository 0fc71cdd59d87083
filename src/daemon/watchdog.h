// Watchdog: tells systemd that crispd works (WatchdogSec=), after each of the threads that do the work has answered. If
// one does not answer, nothing is told, an error names it, and systemd restarts crispd, which pods do not feel.
//
// The threads are the reactor, that of the streaming sessions, and gRPC's: it is asked for its Version like by a
// client. Locks of single pods, the disk and plugins are not looked at, since a restart would not mend those.
//
// Threading: a thread of its own asks, and sleeps in between. Without WatchdogSec= there is none.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace crisp {

class Watchdog {
 public:
  struct Worker {
    std::string name;
    // Has it call `answer`, on any thread, at once or never. It may block until `until`.
    std::function<void(std::function<void()> answer, MonoTime until)> ask;
  };

  // Each half of `time`, `alive` is called if all workers have answered within it. Null if `time` is 0.
  static absl::StatusOr<std::unique_ptr<Watchdog>> Start(std::chrono::microseconds time, std::vector<Worker> workers,
                                                         std::function<void()> alive);
  // Returns at once unless a worker blocks. An `answer` may be called later and then does nothing.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  struct Answers;

  Watchdog(MonoClock::duration interval, std::vector<Worker> workers, std::function<void()> alive);
  void Run();
  // False if the watchdog ends meanwhile.
  bool SleepUntil(MonoTime when);
  bool Answered(const Worker& worker, MonoTime until);

  const MonoClock::duration interval_;
  const std::vector<Worker> workers_;
  const std::function<void()> alive_;
  const std::shared_ptr<Answers> answers_;  // shared with answers that come late
  std::thread thread_;
};

}  // namespace crisp
