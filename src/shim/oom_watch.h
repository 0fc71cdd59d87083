// OomWatch: has the kernel's OOM killer killed any process of this container?
//
// The answer must be right even if the cgroup is gone before the exit is reported: systemd removes a scope as soon as
// its last process has died. So the cgroup's files are kept open and read whenever the kernel reports a change, and a
// second source answers when they can no longer be read (ENODEV).
//
// v2. First source: `oom_kill` in memory.events. The kernel reports a change by EPOLLPRI (cgroup-v2.rst,
//   "memory.events"), up to 10 ms late. Second source: the same count of the parent cgroup, which includes its children
//   and outlives them. Its growth since both were last read is taken for a kill in this container. (It is wrong only if
//   the killer hit another container of the pod in that moment.)
// v1. First source: `oom_kill` in memory.oom_control (Linux 4.13). Second source: an eventfd registered in
//   cgroup.event_control. The kernel signals it at each OOM, before the kill, and once after the cgroup has been
//   removed (cgroup-v1/memory.rst, 10), from a work queue and possibly late. So two signals of a removed cgroup mean a
//   kill. An OOM of a cgroup above signals it too and may kill a process elsewhere: a signal that is not followed by a
//   kill in this container within kSettleNanos does not count.
#pragma once

#include <functional>

#include "os/cgroup_core.h"
#include "os/fd.h"
#include "shim/loop.h"
#include "shim/state.h"

namespace crisp::shim {

class OomWatch {
 public:
  static constexpr int64_t kSettleNanos = 200'000'000;
  static constexpr int64_t kRemovalNanos = 20'000'000;
  static constexpr int64_t kSuspiciousNanos = 2'000'000'000;

  static constexpr int64_t kReportNanos = 1'000'000'000;

  using Judged = std::function<void(bool killed)>;
  // `kills` counts the processes that were killed in the cgroup so far.
  using Killed = std::function<void(uint64_t kills)>;

  explicit OomWatch(Loop& loop) : loop_(loop) {}
  ~OomWatch() { Close(); }
  OomWatch(const OomWatch&) = delete;
  OomWatch& operator=(const OomWatch&) = delete;

  // Begins to watch. Without a memory cgroup nothing is watched and the judgement is no. `killed` is called when the
  // count grows, at most once in kReportNanos, and not for a kill that ended the cgroup.
  void Open(const cgroup::Dirs& dirs, Killed killed);
  // For an upgrade; not while a judgement is pending. Restore in place of Open.
  OomState Save() const;
  void Restore(const OomState& state, Killed killed);
  // Stops watching. A pending judgement is dropped.
  void Close();
  // Decides whether there has been a kill since Open, and calls `judged` once, usually before this returns. Only if a
  // v1 cgroup is gone and the kernel may still send a second signal, `judged` is called later: after kSuspiciousNanos
  // at the latest if `suspicious` (SIGKILL from an unknown sender ended the container's first process), else after
  // kRemovalNanos. Not to be called again before that.
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
  void Report();
  void SettleAt(int64_t due);
  void ReportAt(int64_t due);

  Loop& loop_;
  Fd counts_;             // first source, of the container's cgroup
  Fd counts_above_;       // v2: of the parent cgroup
  int64_t above_ = 0;     // its count when counts_ was last read
  Fd event_;              // v1
  uint64_t signals_ = 0;  // of event_, without those that did not count
  Loop::Timer settle_ = 0;
  Loop::Timer patience_ = 0;
  Loop::Timer report_ = 0;  // before its end nothing is reported
  Killed report_to_;
  Judged judged_;
  int64_t kills_ = 0;
  int64_t reported_ = 0;  // of kills_
  bool killed_ = false;
};

}  // namespace crisp::shim
