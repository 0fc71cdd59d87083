// Reactor: the one thread that waits for descriptors (epoll) and timers. Callbacks run on it, one at a time, and must
// not block and take no pod's lock.
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
  ~Reactor();  // stops and joins the thread; callbacks that have not run never will
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // Calls `ready` whenever `fd` can be read or has hung up, until Unwatch. The caller keeps the descriptor open.
  absl::Status Watch(int fd, Callback ready);
  // After it returns, the callback of `fd` is not running and will not run again (from inside a callback of the
  // reactor's own thread: it returns at once, and the callback will not run again).
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
