#include "shim/children.h"

#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

namespace crisp::shim {

std::vector<Children::Known>::iterator Children::Find(pid_t pid) {
  return std::find_if(known_.begin(), known_.end(), [&](const Known& one) { return one.pid == pid; });
}

int Children::Add(pid_t pid, Exited exited) {
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return errno;
  Pidfd pidfd = Pidfd::Open(pid);
  if (!pidfd.valid()) return errno;
  Watch(pid, std::move(pidfd), std::move(exited));
  return 0;
}

void Children::Watch(pid_t pid, Pidfd pidfd, Exited exited) {
  loop_.Watch(pidfd.get(), EPOLLIN, [this, pid](uint32_t) { Reap(pid); });
  known_.push_back({pid, std::move(pidfd), std::move(exited)});
}

std::vector<ChildState> Children::Save() const {
  std::vector<ChildState> children;
  for (const Known& one : known_) children.push_back({static_cast<uint32_t>(one.pid), one.pidfd.get()});
  return children;
}

void Children::Restore(const std::vector<ChildState>& children) {
  for (const ChildState& one : children) Watch(static_cast<pid_t>(one.pid), Pidfd::Of(Fd(one.pidfd)), nullptr);
}

void Children::Own(pid_t pid, Exited exited) {
  if (const auto known = Find(pid); known != known_.end()) known->exited = std::move(exited);
}

void Children::Drop(std::vector<Known>::iterator known) {
  loop_.Unwatch(known->pidfd.get());
  known_.erase(known);
}

// It stays known: an unknown zombie is not reaped before the last Hold has gone, and until then the first process of
// its pid namespace cannot die.
void Children::Forget(pid_t pid) {
  if (const auto known = Find(pid); known != known_.end()) known->exited = nullptr;
}

// From the loop, because a sweep may call back into the owner of the Hold that has just gone.
void Children::SweepSoon() {
  loop_.After(0, [this] { Sweep(); });
}

int Children::Signal(pid_t pid, int signal) const {
  for (const Known& one : known_) {
    if (one.pid == pid) return one.pidfd.Signal(signal);
  }
  return ESRCH;
}

bool Children::Reap(pid_t pid) {
  const auto known = Find(pid);
  if (known == known_.end()) return waitpid(pid, nullptr, WNOHANG) == pid;
  const std::optional<ExitStatus> status = known->pidfd.TryReap();
  if (!status.has_value()) return false;
  const Exited exited = std::move(known->exited);
  Drop(known);
  if (exited) exited({status->ShellCode(), WallNanos()});
  return true;
}

void Children::Sweep() {
  while (holds_ == 0) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    if (!Reap(info.si_pid)) return;
  }
}

}  // namespace crisp::shim
