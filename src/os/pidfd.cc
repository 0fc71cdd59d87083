#include "os/pidfd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace crisp {
namespace {

// As poll(2) takes it, rounded up; waits longer than a day are cut into days.
int MillisUntil(Pidfd::Deadline deadline) {
  constexpr std::chrono::milliseconds kDay = std::chrono::hours(24);
  const Pidfd::Deadline now = std::chrono::steady_clock::now();
  if (deadline <= now) return 0;
  if (deadline - now > kDay) return kDay.count();
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count());
}

}  // namespace

Pidfd Pidfd::Open(pid_t pid) {
  return Pidfd(Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
}

Pidfd Pidfd::Duplicate() const {
  return Pidfd(Fd(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0)));
}

int Pidfd::Signal(int signal) const {
  return syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0) == 0 ? 0 : errno;
}

bool Pidfd::WaitUntil(Deadline deadline) const {
  for (;;) {
    const int timeout = MillisUntil(deadline);
    pollfd ended{fd_.get(), POLLIN, 0};
    if (poll(&ended, 1, timeout) > 0) return true;
    if (timeout == 0) return false;
  }
}

std::optional<ExitStatus> Pidfd::Wait(int options) const {
  siginfo_t info{};
  while (waitid(P_PIDFD, static_cast<id_t>(fd_.get()), &info, WEXITED | options) != 0) {
    if (errno != EINTR) return std::nullopt;
  }
  if (info.si_pid == 0) return std::nullopt;
  return info.si_code == CLD_EXITED ? ExitStatus{info.si_status, 0} : ExitStatus{-1, info.si_status};
}

std::optional<ExitStatus> Pidfd::Reap() const {
  return Wait(0);
}

std::optional<ExitStatus> Pidfd::TryReap() const {
  return Wait(WNOHANG);
}

}  // namespace crisp
