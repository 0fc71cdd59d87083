#include "shim/loop.h"

#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace crisp::shim {
namespace {

int64_t Now(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000000 + now.tv_nsec;
}

}  // namespace

int64_t MonoNanos() {
  return Now(CLOCK_MONOTONIC);
}
int64_t WallNanos() {
  return Now(CLOCK_REALTIME);
}

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_.valid()) abort();
}

void Loop::Watch(int fd, uint32_t events, Ready ready) {
  const size_t slot = static_cast<size_t>(fd);
  if (slot >= watched_.size()) watched_.resize(slot + 8);
  Watched& watched = watched_[slot];
  watched.active = true;
  watched.ready = std::move(ready);
  ++watched.generation;
  epoll_event event{};
  event.events = events;
  event.data.u64 = static_cast<uint64_t>(watched.generation) << 32 | static_cast<uint32_t>(fd);
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Loop::Change(int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 =
      static_cast<uint64_t>(watched_[static_cast<size_t>(fd)].generation) << 32 | static_cast<uint32_t>(fd);
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::Unwatch(int fd) {
  if (fd < 0 || static_cast<size_t>(fd) >= watched_.size()) return;
  Watched& watched = watched_[static_cast<size_t>(fd)];
  if (!watched.active) return;
  watched.active = false;
  watched.ready = nullptr;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Loop::Timer Loop::At(int64_t mono_nanos, std::function<void()> expired) {
  deadlines_.push_back({++last_timer_, mono_nanos, std::move(expired)});
  return last_timer_;
}

Loop::Timer Loop::After(int64_t nanos, std::function<void()> expired) {
  const int64_t now = MonoNanos();
  return At(nanos > INT64_MAX - now ? INT64_MAX : now + nanos, std::move(expired));
}

int64_t Loop::DueAt(Timer timer) const {
  const auto found =
      std::find_if(deadlines_.begin(), deadlines_.end(), [&](const Deadline& one) { return one.id == timer; });
  return found == deadlines_.end() ? 0 : found->when;
}

void Loop::Cancel(Timer* timer) {
  std::erase_if(deadlines_, [&](const Deadline& one) { return one.id == *timer; });
  *timer = 0;
}

int Loop::NextTimeoutMs() const {
  int64_t next = INT64_MAX;
  for (const Deadline& one : deadlines_) next = std::min(next, one.when);
  if (next == INT64_MAX) return -1;
  const int64_t left = next - MonoNanos();
  if (left <= 0) return 0;
  return static_cast<int>(std::min<int64_t>(left / 1000000 + 1, 1 << 30));
}

// Runs only timers that were set before: one that a callback sets for now waits until descriptors have had their turn.
void Loop::Expire() {
  if (deadlines_.empty()) return;
  const int64_t now = MonoNanos();
  const Timer newest = last_timer_;
  while (true) {
    const auto due = std::find_if(deadlines_.begin(), deadlines_.end(),
                                  [&](const Deadline& one) { return one.when <= now && one.id <= newest; });
    if (due == deadlines_.end()) return;
    const std::function<void()> expired = std::move(due->expired);
    deadlines_.erase(due);
    expired();
  }
}

void Loop::Dispatch(const epoll_event& event) {
  const size_t slot = static_cast<uint32_t>(event.data.u64);
  const uint32_t generation = static_cast<uint32_t>(event.data.u64 >> 32);
  if (!watched_[slot].active || watched_[slot].generation != generation) return;
  const Ready ready = watched_[slot].ready;  // a copy: the callback may unwatch its descriptor or grow the table
  ready(event.events);
}

void Loop::Run() {
  for (stopped_ = false; !stopped_;) {
    epoll_event events[16];
    const int count = epoll_wait(epoll_.get(), events, 16, NextTimeoutMs());
    if (count < 0 && errno != EINTR) abort();
    for (int i = 0; i < count; ++i) Dispatch(events[i]);
    Expire();
    destroy_later_.clear();
    if (rested_) rested_();
  }
}

}  // namespace crisp::shim
