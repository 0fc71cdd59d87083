// StreamLoop: the one thread that runs all streaming sessions, with the descriptors and timers that they wait for.
//
// A session owns its waits: after an FdWait or a StreamTimer is destroyed its callback does not run. So a session is an
// ordinary object with one owner, and no callback keeps it alive. Everything but Post and RunAndWait is for the loop's
// thread only. All signals, SIGPIPE among them, are blocked on that thread.
//
// Boost.Asio is hidden in the implementation because it is slow to compile; stream_loop_asio.h is for the files that
// need it.
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
  // Stops the thread. Work that has not run is destroyed.
  ~StreamLoop();
  StreamLoop(const StreamLoop&) = delete;
  StreamLoop& operator=(const StreamLoop&) = delete;

  // Runs `work` later on the loop's thread, never inside this call. From any thread.
  void Post(std::function<void()> work);
  // As Post, but skips `work` if `owner` is gone by then.
  void Post(std::weak_ptr<const void> owner, std::function<void()> work);
  // Runs `work` on the loop's thread and waits until it has run. From any other thread.
  void RunAndWait(const std::function<void()>& work);

  AsioLoop& impl() { return *impl_; }

 private:
  explicit StreamLoop(std::unique_ptr<AsioLoop> impl);
  std::unique_ptr<AsioLoop> impl_;
};

// True for an errno of read(2) or write(2) that means "try again when the descriptor is ready".
inline bool WouldBlock(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

// Waits for a descriptor, which it does not own and which must outlive it. One FdWait per descriptor serves both
// directions. A callback also runs when the descriptor has an error or a hang-up, which the next read or write reports.
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

  // Calls `fire` once after `delay` of the monotonic clock. Restarts a timer that is running.
  void Start(std::chrono::nanoseconds delay, std::function<void()> fire);
  void Cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace crisp
