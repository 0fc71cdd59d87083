// Children: who of the shim's children is whose, and the only place that reaps.
//
// The shim is a subreaper (PR_SET_CHILD_SUBREAPER): the runtime's grandchildren become its children. Those that
// somebody waits for are known here by pidfd, and their exit comes by epoll. The others, orphans of containers without
// a pid namespace or of a killed runtime, must be reaped too, yet no sweep may take the status of a process whose
// pid-file has not been read: so unknown zombies are left alone as long as a runtime command that makes processes is in
// flight (Hold). A zombie keeps its pid: that is what makes opening the pidfd from a pid-file safe.
//
// How it sweeps, on SIGCHLD: waitid(P_ALL, WNOWAIT) shows a zombie without taking it; it is then taken by its pid, by
// its owner if it has one.
#pragma once

#include <sys/types.h>

#include <functional>
#include <vector>

#include "os/pidfd.h"
#include "shim/loop.h"

namespace crisp::shim {

struct ChildExit {
  int code = 0;             // 128 + signal if a signal ended it
  int64_t finished_at = 0;  // wall-clock nanoseconds, when the shim saw it
};

class Children {
 public:
  using Exited = std::function<void(const ChildExit&)>;

  explicit Children(Loop& loop) : loop_(loop) {}

  // Calls `exited`, if it is not empty, once, after `pid`, a child of the shim, has been reaped. 0, or an errno value:
  // ECHILD if it is no child.
  int Add(pid_t pid, Exited exited);
  void Forget(pid_t pid);  // it is reaped when it ends, and nobody is told
  // Sends `signal` to a child that was added. 0, or an errno value; ESRCH once it has been reaped.
  int Signal(pid_t pid, int signal) const;

  void Sweep();

  // While one of these lives, unknown zombies are left alone.
  class Hold {
   public:
    explicit Hold(Children& children) : children_(children) { ++children_.holds_; }
    ~Hold() {
      if (--children_.holds_ == 0) children_.SweepSoon();
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Children& children_;
  };

 private:
  struct Known {
    pid_t pid;
    Pidfd pidfd;
    Exited exited;
  };

  std::vector<Known>::iterator Find(pid_t pid);
  void Drop(std::vector<Known>::iterator known);
  bool Reap(pid_t pid);
  void SweepSoon();

  Loop& loop_;
  std::vector<Known> known_;
  int holds_ = 0;
};

}  // namespace crisp::shim
