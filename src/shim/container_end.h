// ContainerEnd: the steps between the exit of a container's first process and the report of it.
//
//   1. kill:   the other processes in the container's cgroups; without a pid namespace they would live on
//   2. drain:  read the output to its end, for at most kDrainNanos
//   3. judge:  wait for the OOM judgement, which began with the exit (shim/oom_watch.h)
//
// No step blocks the shim: each is continued by the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "os/cgroup_core.h"
#include "shim/cgroup_end.h"
#include "shim/container_io.h"
#include "shim/loop.h"
#include "shim/oom_watch.h"
#include "shim/state.h"

namespace crisp::shim {

class ContainerEnd {
 public:
  static constexpr int64_t kDrainNanos = 2'000'000'000;

  struct Callbacks {
    CgroupEnd::Done emptied;     // the kill is over
    std::function<void()> over;  // all steps are
  };

  ContainerEnd(Loop& loop, ContainerIo& io) : loop_(loop), io_(io), kill_(loop), oom_(loop) {}
  ~ContainerEnd() { loop_.Cancel(&drain_); }
  ContainerEnd(const ContainerEnd&) = delete;
  ContainerEnd& operator=(const ContainerEnd&) = delete;

  // Watches for OOM kills in `cgroups` from now on.
  void Watch(const cgroup::Dirs& cgroups, OomWatch::Killed killed) { oom_.Open(cgroups, std::move(killed)); }
  // For an upgrade: of a container that runs, in place of Watch, or of one whose steps are over.
  OomState Save() const { return oom_.Save(); }
  void Restore(const OomState& oom, OomWatch::Killed killed) { oom_.Restore(oom, std::move(killed)); }
  void RestoreOver(bool oom_killed);
  // Stops that, for a container whose start has failed.
  void Close() { oom_.Close(); }

  // The first process has exited. `suspicious` as for OomWatch::Judge.
  void OnInitExit(bool suspicious);
  // Begins the steps, after OnInitExit. Each callback is called once, perhaps before this returns.
  void Begin(const cgroup::Dirs& cgroups, Callbacks callbacks);
  // The output has come to its end by itself.
  void OnStreamsEnded();
  // Takes what output there is and waits for no more, if it still waits.
  void FinishDrain();

  bool emptied() const { return emptied_; }
  bool oom_killed() const { return oom_killed_; }  // once it is over

 private:
  void Drain();
  void OnDrained();
  void ReportIfDone();

  Loop& loop_;
  ContainerIo& io_;
  CgroupEnd kill_;
  OomWatch oom_;
  Callbacks callbacks_;
  Loop::Timer drain_ = 0;
  bool emptied_ = false;
  bool drained_ = false;
  bool judged_ = false;
  bool oom_killed_ = false;
};

}  // namespace crisp::shim
