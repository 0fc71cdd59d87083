// Signals: takes the signals that are sent to crispd, on a thread of its own, from the start of the daemon to its end.
//
//   SIGTERM, SIGINT   end the daemon; while it starts, too
//   SIGHUP            has it read its configuration again
//   SIGUSR1           writes what it is doing to the log
//
// Once a signal has ended it, the daemon has Options::end_time for its destructors. Then the process ends all the same:
// what is in progress (a plugin, a pull, a process that does not die) is found by the next daemon, as after a kill.
#pragma once

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace crisp {

class Signals {
 public:
  struct Options {
    std::function<void()> on_end;  // the daemon is about to end
    std::function<void()> on_hup;
    std::function<void()> on_usr1;  // all are called on the thread of this object
    std::chrono::milliseconds end_time{1500};
  };

  // Blocks the signals in the calling thread and all that it starts from now on, so it comes before other threads.
  // Ignores SIGPIPE.
  static absl::StatusOr<std::unique_ptr<Signals>> Start(Options options);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Returns once a signal ends the daemon.
  void AwaitEnd();

 private:
  explicit Signals(Options options);
  void Run();
  void EndInTime();

  const Options options_;
  sigset_t signals_;
  Mutex mutex_;
  CondVar changed_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;  // a signal says so
  bool done_ ABSL_GUARDED_BY(mutex_) = false;    // the destructor runs
  std::thread thread_;
};

}  // namespace crisp
