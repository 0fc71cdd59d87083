#include "streaming/stream_loop.h"

#include <signal.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "streaming/stream_loop_asio.h"

namespace crisp {

namespace asio = boost::asio;
using boost::system::error_code;

StreamLoop::StreamLoop(std::unique_ptr<AsioLoop> impl) : impl_(std::move(impl)) {}

absl::StatusOr<std::unique_ptr<StreamLoop>> StreamLoop::Start() {
  // These constructors have no overload with an error code: they throw when descriptors or threads run out.
  try {
    auto impl = std::make_unique<AsioLoop>();
    sigset_t all, before;
    sigfillset(&all);
    // Faults: a fault whose signal is blocked ends the process without its handler (base/crash_handler.h).
    for (const int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) sigdelset(&all, fault);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    impl->thread = std::thread([context = &impl->context] {
      NameThisThread("streams");
      const AlternateStack stack;
      context->run();
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return std::unique_ptr<StreamLoop>(new StreamLoop(std::move(impl)));
  } catch (const std::system_error& error) {
    return absl::InternalError(absl::StrCat("start the thread of the streaming server: ", error.what()));
  }
}

StreamLoop::~StreamLoop() {
  impl_->context.stop();
  impl_->thread.join();
}

void StreamLoop::Post(std::function<void()> work) {
  asio::post(impl_->context, std::move(work));
}

void StreamLoop::Post(std::weak_ptr<const void> owner, std::function<void()> work) {
  Post([owner = std::move(owner), work = std::move(work)] {
    if (!owner.expired()) work();
  });
}

void StreamLoop::RunAndWait(const std::function<void()>& work) {
  Mutex mutex;
  CondVar done_changed;
  bool done = false;
  Post([&] {
    work();
    MutexLock lock(mutex);
    done = true;
    done_changed.NotifyAll();
  });
  MutexLock lock(mutex);
  while (!done) done_changed.Wait(mutex);
}

struct FdWait::State {
  explicit State(asio::io_context& context) : descriptor(context) {}
  asio::posix::stream_descriptor descriptor;
};

FdWait::FdWait(StreamLoop* loop, int fd) : state_(std::make_shared<State>(loop->impl().context)) {
  error_code ignored;  // if epoll cannot wait for it (a file), waits end at once and the next read or write decides
  state_->descriptor.assign(fd, ignored);
}

FdWait::~FdWait() {
  if (state_->descriptor.is_open()) state_->descriptor.release();
}

void FdWait::WhenReadable(std::function<void()> ready) {
  state_->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                [weak = std::weak_ptr<State>(state_), ready = std::move(ready)](error_code) {
                                  if (!weak.expired()) ready();
                                });
}

void FdWait::WhenWritable(std::function<void()> ready) {
  state_->descriptor.async_wait(asio::posix::stream_descriptor::wait_write,
                                [weak = std::weak_ptr<State>(state_), ready = std::move(ready)](error_code) {
                                  if (!weak.expired()) ready();
                                });
}

struct StreamTimer::State {
  explicit State(asio::io_context& context) : timer(context) {}
  asio::steady_timer timer;
  uint64_t started = 0;  // generation of the running wait; callbacks of cancelled ones that come late are ignored
};

StreamTimer::StreamTimer(StreamLoop* loop) : state_(std::make_shared<State>(loop->impl().context)) {}

StreamTimer::~StreamTimer() = default;

void StreamTimer::Start(std::chrono::nanoseconds delay, std::function<void()> fire) {
  const uint64_t number = ++state_->started;
  state_->timer.expires_after(delay);
  state_->timer.async_wait([weak = std::weak_ptr<State>(state_), number, fire = std::move(fire)](error_code error) {
    const auto state = weak.lock();
    if (!error && state != nullptr && state->started == number) fire();
  });
}

void StreamTimer::Cancel() {
  ++state_->started;
  state_->timer.cancel();
}

}  // namespace crisp
