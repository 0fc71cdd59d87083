// Children: the shim's child processes. The only place that reaps.
//
// The shim is a subreaper (PR_SET_CHILD_SUBREAPER): grandchildren that the OCI runtime leaves become its children. A
// child that somebody waits for is added here and watched through its pidfd. All others, orphans of a container without
// a pid namespace or of a killed runtime, must be reaped too, but not before the pid-file that may name them has been
// read: while a runtime command that creates processes runs (Hold), unknown zombies are left alone. A zombie keeps its
// pid, so the pid in a pid-file cannot name another process when it is added.
//
// Sweep, on SIGCHLD, finds a zombie with waitid(P_ALL, WNOWAIT), which does not take it, and then reaps it by its pid,
// on behalf of its owner if it has one.
#pragma once

#include <sys/types.h>

#include <functional>
#include <vector>

#include "os/pidfd.h"
#include "shim/loop.h"
#include "shim/state.h"

namespace crisp::shim {

struct ChildExit {
  int code = 0;             // 128 + signal if a signal ended it
  int64_t finished_at = 0;  // wall-clock nanoseconds, when the shim reaped it
};

class Children {
 public:
  using Exited = std::function<void(const ChildExit&)>;

  explicit Children(Loop& loop) : loop_(loop) {}

  // Watches a child. After it has been reaped, `exited` is called once, from the loop, if it is not empty. 0, or an
  // errno value: ECHILD if `pid` is no child of the shim.
  int Add(pid_t pid, Exited exited);
  // The child is still reaped when it ends, but nobody is told.
  void Forget(pid_t pid);
  // Sends a signal to a child that was added. 0, or an errno value: ESRCH once it has been reaped.
  int Signal(pid_t pid, int signal) const;

  // For an upgrade: the children that are watched; and the same in the new program, where each owner asks for its own.
  std::vector<ChildState> Save() const;
  void Restore(const std::vector<ChildState>& children);
  // Takes over one of those: `exited` is called as that of Add.
  void Own(pid_t pid, Exited exited);

  // Reaps every zombie, unless there is a Hold. To be called after SIGCHLD.
  void Sweep();

  // While one of these exists, unknown zombies are left alone.
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
  void Watch(pid_t pid, Pidfd pidfd, Exited exited);
  void Drop(std::vector<Known>::iterator known);
  bool Reap(pid_t pid);
  void SweepSoon();

  Loop& loop_;
  std::vector<Known> known_;
  int holds_ = 0;
};

}  // namespace crisp::shim
