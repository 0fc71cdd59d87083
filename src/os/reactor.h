// Reactor: the daemon's thread that waits for descriptors (epoll(7)) and timers. Callbacks run on it, one at a time.
// They must not block, and must not take a pod's lock.
//
// Threading: all functions from any thread, also from callbacks.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"

namespace crisp {

class Reactor {
 public:
  using Callback = std::function<void()>;

  static absl::StatusOr<std::unique_ptr<Reactor>> Start();
  ~Reactor();  // stops and joins the thread; callbacks that have not run are dropped
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // Calls `ready` whenever `fd` is readable or has hung up, until Unwatch. The caller keeps the descriptor open.
  absl::Status Watch(int fd, Callback ready);
  // After it returns, the callback of `fd` is not running and will not run again. Called from a callback of the reactor
  // it returns at once; then, too, the callback will not run again.
  void Unwatch(int fd);

  // Runs `callback` once on the reactor's thread, as soon as possible or at `when`.
  void Post(Callback callback);
  void PostAt(MonoTime when, Callback callback);

 private:
  class Impl;
  explicit Reactor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace crisp
