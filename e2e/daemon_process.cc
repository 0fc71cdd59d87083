#include "e2e/daemon_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

#include "base/testing/wait.h"
#include "os/fd.h"
#include "os/process.h"

namespace crisp::e2e {

void DaemonProcess::Start(const std::string& path, const std::vector<std::string>& arguments, const std::string& log,
                          int input) {
  const Fd output(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  const Fd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int stdio[3] = {input < 0 ? nothing.get() : input, output.get(), output.get()};
  auto child = SpawnDetached(path, arguments, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}, stdio);
  if (!child.ok()) throw std::runtime_error("start " + path + ": " + std::string(child.status().message()));
  pid_ = child->pid;
}

void DaemonProcess::Kill() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

int DaemonProcess::Terminate() {
  if (pid_ < 0) return 0;
  kill(pid_, SIGTERM);
  if (Eventually([this] { return !Running(); })) return end_;
  Kill();
  return SIGKILL;
}

bool DaemonProcess::Running() {
  if (pid_ < 0) return false;
  if (waitpid(pid_, &end_, WNOHANG) != pid_) return true;
  pid_ = -1;
  return false;
}

std::string DaemonProcess::End() const {
  return WIFEXITED(end_) ? "exit status " + std::to_string(WEXITSTATUS(end_))
                         : "killed by signal " + std::to_string(WTERMSIG(end_));
}

}  // namespace crisp::e2e
