#include "shim/cgroup_end.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace crisp::shim {
namespace {

constexpr int64_t kFirstPauseNanos = 500'000;

}  // namespace

void CgroupEnd::Begin(cgroup::Dirs dirs, int64_t nanos, Done done) {
  dirs_ = std::move(dirs);
  done_ = std::move(done);
  deadline_ = MonoNanos() + nanos;
}

void CgroupEnd::Kill(cgroup::Dirs dirs, Done done) {
  Begin(std::move(dirs), kKillNanos, std::move(done));
  KillRound();
}

void CgroupEnd::KillRound() {
  next_ = 0;
  if (cgroup::Processes(dirs_).empty()) return Finish(0);
  if (MonoNanos() >= deadline_) return Finish(EBUSY);
  dying_ = cgroup::KillOnce(dirs_);
  AwaitDying();
}

// Wakes up when the processes of this round have died, or at the deadline. The next round is a step of its own: others
// have their turn before it.
void CgroupEnd::AwaitDying() {
  while (!dying_.empty() && dying_.back().Ended()) dying_.pop_back();
  loop_.Cancel(&next_);
  next_ = loop_.At(dying_.empty() ? 0 : deadline_, [this] {
    if (!dying_.empty()) loop_.Unwatch(dying_.back().get());
    KillRound();
  });
  if (dying_.empty()) return;
  loop_.Watch(dying_.back().get(), EPOLLIN, [this](uint32_t) {
    loop_.Unwatch(dying_.back().get());
    AwaitDying();
  });
}

void CgroupEnd::Remove(cgroup::Dirs dirs, Done done) {
  Begin(std::move(dirs), kRemoveNanos, std::move(done));
  TryRemove(kFirstPauseNanos);
}

// No event tells that a dead process no longer counts.
void CgroupEnd::TryRemove(int64_t pause) {
  next_ = 0;
  const int error = cgroup::Remove(dirs_);
  const int64_t left = deadline_ - MonoNanos();
  if (error != EBUSY || left <= 0) return Finish(error);
  next_ = loop_.After(std::min(pause, left), [this, pause] { TryRemove(2 * pause); });
}

void CgroupEnd::Stop() {
  if (!dying_.empty()) loop_.Unwatch(dying_.back().get());
  dying_.clear();
  loop_.Cancel(&next_);
}

void CgroupEnd::Finish(int error) {
  Stop();
  const Done done = std::exchange(done_, nullptr);
  done(error);
}

}  // namespace crisp::shim
