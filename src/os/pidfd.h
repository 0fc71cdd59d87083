// Pidfd: a process named by a descriptor (pidfd_open(2)). Unlike a pid it never comes to name another process. No
// Abseil, no exceptions: the shim uses it too. Waiting with a CallContext is in os/process.h.
//
// Ownership: owns the descriptor, not the process. The destructor neither kills nor reaps.
// Threading: const methods from any thread.
// Errors: errno values.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <utility>

#include "os/fd.h"

namespace crisp {

// How a child ended.
struct ExitStatus {
  int code = -1;   // -1 if a signal ended it
  int signal = 0;  // 0 if it exited

  // As a shell reports it: the exit code, or 128 + signal.
  int ShellCode() const { return signal != 0 ? 128 + signal : code; }
};

class Pidfd {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  Pidfd() = default;

  // Names the process that has `pid` now; a zombie counts. If there is none the result is not valid() and errno is
  // ESRCH. Unless `pid` is an unreaped child of the caller, it may have been reused before the call: check afterwards
  // that the process is the one that was meant.
  static Pidfd Open(pid_t pid);

  // Takes ownership of a descriptor that is a pidfd, such as one that was kept over execve(2).
  static Pidfd Of(Fd fd) { return Pidfd(std::move(fd)); }

  bool valid() const { return fd_.valid(); }
  // For poll(2) and epoll(7): becomes readable when the process has ended. Stays owned by this object.
  int get() const { return fd_.get(); }
  void reset() { fd_.reset(); }
  // A second descriptor for the same process; not valid(), with errno, if none is left.
  Pidfd Duplicate() const;

  // Sends `signal`. ESRCH once the process has been reaped; a zombie takes any signal.
  int Signal(int signal) const;

  // Waits until the process has ended, reaped or not, or until `deadline`. False at the deadline.
  bool WaitUntil(Deadline deadline) const;
  bool Ended() const { return WaitUntil(Deadline::min()); }

  // For a child of the caller: waits until it has ended, takes its status and frees its pid. Nothing if it is no child
  // or has been reaped already.
  std::optional<ExitStatus> Reap() const;
  // The same without waiting: nothing also if it still runs.
  std::optional<ExitStatus> TryReap() const;

 private:
  explicit Pidfd(Fd fd) : fd_(std::move(fd)) {}
  std::optional<ExitStatus> Wait(int options) const;

  Fd fd_;
};

}  // namespace crisp
