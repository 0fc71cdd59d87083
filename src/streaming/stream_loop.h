// StreamLoop: the one thread on which all streaming sessions live, with what they wait for: descriptors and timers.
//
// Sessions own their waits: once an FdWait or a StreamTimer is destroyed, its callback does not come any more. So a
// session is an ordinary object with an owner, and whatever it holds is free when it is destroyed; no callback keeps it
// alive. All but Post and RunBlocking is for the loop's own thread. SIGPIPE, as every signal, is blocked on that
// thread.
//
// Boost.Asio is inside, and stays there: it is slow to compile (stream_loop_asio.h is for those who need it).
#pragma once

#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"

namespace crisp {

struct AsioLoop;

class StreamLoop {
 public:
  static absl::StatusOr<std::unique_ptr<StreamLoop>> Start();
  // Stops the thread. Work that has not run never will; it is destroyed.
  ~StreamLoop();
  StreamLoop(const StreamLoop&) = delete;
  StreamLoop& operator=(const StreamLoop&) = delete;

  // Runs `work` on the loop's thread, later; never inside this call. From any thread.
  void Post(std::function<void()> work);
  // Posts `work`, and runs it only if `owner` is still there then.
  void Post(std::weak_ptr<const void> owner, std::function<void()> work);
  // Runs `work` on the loop's thread and waits for it. From any other thread.
  void RunAndWait(const std::function<void()>& work);

  AsioLoop& impl() { return *impl_; }

 private:
  explicit StreamLoop(std::unique_ptr<AsioLoop> impl);
  std::unique_ptr<AsioLoop> impl_;
};

// True of the errno of a read or write that is to be tried again once the descriptor is ready.
inline bool WouldBlock(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

// Waits for a descriptor, which it does not own and which outlives it. One FdWait a descriptor, for both directions. A
// callback also comes when the descriptor has an error or has hung up: the next read or write tells which.
class FdWait {
 public:
  FdWait(StreamLoop* loop, int fd);
  ~FdWait();
  FdWait(const FdWait&) = delete;
  FdWait& operator=(const FdWait&) = delete;

  void WhenReadable(std::function<void()> ready);
  void WhenWritable(std::function<void()> ready);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

class StreamTimer {
 public:
  explicit StreamTimer(StreamLoop* loop);
  ~StreamTimer();
  StreamTimer(const StreamTimer&) = delete;
  StreamTimer& operator=(const StreamTimer&) = delete;

  // Calls `fire` once after `delay`, on the monotonic clock. A timer that runs is started anew.
  void Start(std::chrono::nanoseconds delay, std::function<void()> fire);
  void Cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace crisp
