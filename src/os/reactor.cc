#include "os/reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/call_context.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "os/errno_status.h"
#include "os/fd.h"

namespace crisp {
namespace {

constexpr uint64_t kWakeToken = 0;
constexpr int kEventsAtOnce = 64;

}  // namespace

class Reactor::Impl {
 public:
  absl::Status Start() {
    epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_.valid()) return ErrnoStatus(errno, "make an epoll instance");
    wake_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_.valid()) return ErrnoStatus(errno, "make an eventfd");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = kWakeToken;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) return ErrnoStatus(errno, "watch an eventfd");
    ASSIGN_OR_RETURN(thread_, StartThread("reactor", [this] { Run(); }));
    return absl::OkStatus();
  }

  ~Impl() {
    if (!thread_.joinable()) return;
    {
      MutexLock lock(mutex_);
      stopped_ = true;
    }
    Wake();
    thread_.join();
  }

  absl::Status Watch(int fd, Callback ready) {
    MutexLock lock(mutex_);
    const uint64_t token = ++last_token_;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP;
    event.data.u64 = token;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      return ErrnoStatus(errno, absl::StrCat("watch descriptor ", fd));
    }
    tokens_[fd] = token;
    watched_[token] = std::make_shared<Callback>(std::move(ready));
    return absl::OkStatus();
  }

  void Unwatch(int fd) {
    std::shared_ptr<Callback> dropped;  // destroyed last, when the lock is no longer held
    MutexLock lock(mutex_);
    const auto found = tokens_.find(fd);
    if (found == tokens_.end()) return;
    const uint64_t token = found->second;
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    tokens_.erase(found);
    dropped = std::move(watched_[token]);
    watched_.erase(token);
    if (std::this_thread::get_id() == thread_.get_id()) return;
    while (running_ == token) idle_.Wait(mutex_);
  }

  void PostAt(MonoTime when, Callback callback) {
    bool is_next = false;
    {
      MutexLock lock(mutex_);
      const auto at = posted_.emplace(when, std::move(callback));
      is_next = at == posted_.begin();
    }
    if (is_next) Wake();
  }

 private:
  void Wake() {
    const uint64_t one = 1;
    // Fails only if the counter is full, and then the thread is about to wake up anyway.
    [[maybe_unused]] const ssize_t n = write(wake_.get(), &one, sizeof(one));
  }

  void Run() {
    while (true) {
      epoll_event events[kEventsAtOnce];
      const int count = epoll_wait(epoll_.get(), events, kEventsAtOnce, NextTimeoutMs());
      for (int i = 0; i < count; ++i) Dispatch(events[i].data.u64);
      RunPosted();
      MutexLock lock(mutex_);
      if (stopped_) return;
    }
  }

  int NextTimeoutMs() {
    MutexLock lock(mutex_);
    if (stopped_) return 0;
    return posted_.empty() ? -1 : PollMillis(posted_.begin()->first);
  }

  void Dispatch(uint64_t token) {
    if (token == kWakeToken) {
      uint64_t count;
      [[maybe_unused]] const ssize_t n = read(wake_.get(), &count, sizeof(count));
      return;
    }
    std::shared_ptr<Callback> callback;
    {
      MutexLock lock(mutex_);
      const auto found = watched_.find(token);
      if (found == watched_.end() || stopped_) return;
      callback = found->second;
      running_ = token;
    }
    (*callback)();
    callback.reset();  // what it holds must be gone before a thread that waits in Unwatch goes on
    MutexLock lock(mutex_);
    running_ = 0;
    idle_.NotifyAll();
  }

  void RunPosted() {
    while (true) {
      Callback callback;
      {
        MutexLock lock(mutex_);
        if (stopped_ || posted_.empty() || posted_.begin()->first > MonoClock::now()) return;
        callback = std::move(posted_.begin()->second);
        posted_.erase(posted_.begin());
      }
      callback();
    }
  }

  Fd epoll_;
  Fd wake_;
  std::thread thread_;
  Mutex mutex_;
  CondVar idle_;
  uint64_t last_token_ ABSL_GUARDED_BY(mutex_) = kWakeToken;
  uint64_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::unordered_map<int, uint64_t> tokens_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<uint64_t, std::shared_ptr<Callback>> watched_ ABSL_GUARDED_BY(mutex_);
  std::multimap<MonoTime, Callback> posted_ ABSL_GUARDED_BY(mutex_);
};

Reactor::Reactor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reactor::~Reactor() = default;

absl::StatusOr<std::unique_ptr<Reactor>> Reactor::Start() {
  auto impl = std::make_unique<Impl>();
  RETURN_IF_ERROR(impl->Start(), "start the reactor");
  return std::unique_ptr<Reactor>(new Reactor(std::move(impl)));
}

absl::Status Reactor::Watch(int fd, Callback ready) {
  return impl_->Watch(fd, std::move(ready));
}
void Reactor::Unwatch(int fd) {
  impl_->Unwatch(fd);
}
void Reactor::Post(Callback callback) {
  impl_->PostAt(MonoTime(), std::move(callback));  // time 0 is before every time that PostAt gets
}
void Reactor::PostAt(MonoTime when, Callback callback) {
  impl_->PostAt(when, std::move(callback));
}

}  // namespace crisp
