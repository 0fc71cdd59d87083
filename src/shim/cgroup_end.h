// CgroupEnd: empties cgroups and removes them, step by step on the loop. No step waits.
//
// One operation at a time. The destructor abandons the one that is under way; its `done` is then not called.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "os/cgroup_core.h"
#include "os/pidfd.h"
#include "shim/loop.h"

namespace crisp::shim {

class CgroupEnd {
 public:
  using Done = std::function<void(int error)>;

  static constexpr int64_t kKillNanos = 200'000'000;
  static constexpr int64_t kRemoveNanos = 700'000'000;

  explicit CgroupEnd(Loop& loop) : loop_(loop) {}
  ~CgroupEnd() { Stop(); }
  CgroupEnd(const CgroupEnd&) = delete;
  CgroupEnd& operator=(const CgroupEnd&) = delete;

  // Kills every process in the cgroups and below, again and again until none is left or kKillNanos are over. `done` is
  // called once, perhaps before this returns, with 0 or EBUSY: what is left cannot die now (state D, or the first
  // process of a pid namespace whose others have not been reaped).
  void Kill(cgroup::Dirs dirs, Done done);

  // Removes the cgroups and those below. While one is busy tries again, for kRemoveNanos. `done` is called once,
  // perhaps before this returns, with 0 or an errno value.
  void Remove(cgroup::Dirs dirs, Done done);

 private:
  void Begin(cgroup::Dirs dirs, int64_t nanos, Done done);
  void KillRound();
  void AwaitDying();
  void TryRemove(int64_t pause);
  void Stop();
  void Finish(int error);

  Loop& loop_;
  cgroup::Dirs dirs_;
  Done done_;
  int64_t deadline_ = 0;
  std::vector<Pidfd> dying_;  // the last one is watched
  Loop::Timer next_ = 0;
};

}  // namespace crisp::shim
