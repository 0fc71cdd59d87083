// OomWatch: did the kernel's OOM killer take a process of this container, whichever? Exact even when the cgroup is gone
// before the exit is reported, as under systemd, which removes a scope as soon as its last process has died: the files
// are held open, what they say is read while the kernel is telling, and there is a second witness for when they say
// nothing any more (ENODEV).
//
// v2: memory.events, `oom_kill`; the file tells of a change by EPOLLPRI (cgroup-v2.rst, "memory.events"), up to 10 ms
// late. The second witness is the same count of the cgroup above, which has those of all below and outlives them: what
// it grew by since both were last read is this container's, but for another of the pod that the killer hit in the same
// moment. v1: memory.oom_control, `oom_kill` (Linux 4.13), with an eventfd registered in cgroup.event_control as second
// witness: it is signalled at each OOM before the kill, and once after the cgroup was removed (cgroup-v1/memory.rst,
// 10), by a work queue: two signals of a cgroup that is gone are a kill, and the second may take its time. It is
// signalled at the OOM of a cgroup above too, which may take somebody else's process: a signal after which nothing of
// this container has been killed for kSettleNanos was not for it.
#pragma once

#include <functional>

#include "os/cgroup_core.h"
#include "os/fd.h"
#include "shim/loop.h"

namespace crisp::shim {

class OomWatch {
 public:
  static constexpr int64_t kSettleNanos = 200'000'000;
  static constexpr int64_t kRemovalNanos = 20'000'000;
  static constexpr int64_t kSuspiciousNanos = 2'000'000'000;

  using Judged = std::function<void(bool killed)>;

  explicit OomWatch(Loop& loop) : loop_(loop) {}
  ~OomWatch() { Close(); }
  OomWatch(const OomWatch&) = delete;
  OomWatch& operator=(const OomWatch&) = delete;

  // Without a memory cgroup nothing is watched, and the judgement is no.
  void Open(const cgroup::Dirs& dirs);
  // Ends the watch. A judgement that is under way is not told.
  void Close();
  // Looks once more. `judged` is called once, mostly before this returns, with whether there has been a kill since
  // Open. It is called later where the cgroup of v1 is gone and the kernel may still have to tell: then after
  // kSuspiciousNanos at the latest if `suspicious`, that is if the container's first process was killed by somebody
  // unknown, else after kRemovalNanos. Not to be called again before that.
  void Judge(bool suspicious, Judged judged);

 private:
  void OpenV1(const std::string& dir);
  void OpenV2(const std::string& dir);
  void Look();
  void OnGone();
  void JudgeBySignals();
  void Tell();
  uint64_t TakeSignals();
  void Settle();

  Loop& loop_;
  Fd counts_;             // of the container's cgroup
  Fd counts_above_;       // v2: of the one above it
  int64_t above_ = 0;     // what that said when counts_ was last read
  Fd event_;              // v1
  uint64_t signals_ = 0;  // of OOMs that have not been settled
  Loop::Timer settle_ = 0;
  Loop::Timer patience_ = 0;
  Judged judged_;
  bool killed_ = false;
};

}  // namespace crisp::shim
