// OomWatch: did the kernel's OOM killer take a process of this container? Exact even when the cgroup is gone before the
// exit is reported, as under systemd, which removes a scope as soon as its last process has died: the files are held
// open, and what they say is read while the kernel is telling.
//
// v2: memory.events, `oom_kill`; the file tells of a change by EPOLLPRI (cgroup-v2.rst, "memory.events").
// v1: memory.oom_control, `oom_kill` (Linux 4.13), with an eventfd registered in cgroup.event_control; the eventfd is
// signalled at each OOM, and once more when the cgroup is removed (cgroup-v1/memory.rst, 10).
#pragma once

#include "os/cgroup_core.h"
#include "os/fd.h"
#include "shim/loop.h"

namespace crisp::shim {

class OomWatch {
 public:
  explicit OomWatch(Loop& loop) : loop_(loop) {}
  ~OomWatch() { Close(); }
  OomWatch(const OomWatch&) = delete;
  OomWatch& operator=(const OomWatch&) = delete;

  // Without a memory cgroup nothing is watched, and Killed is false.
  void Open(const cgroup::Dirs& dirs);
  void Close();
  // Looks once more, and says whether there has been one since Open.
  bool Killed();

 private:
  void OpenV1(const std::string& dir);
  void Look();

  Loop& loop_;
  Fd counts_;
  Fd event_;  // v1
  uint64_t signalled_ = 0;
  bool killed_ = false;
};

}  // namespace crisp::shim
