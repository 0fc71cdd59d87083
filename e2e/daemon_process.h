// A program that a test starts and ends: crispd, docker-registry. Its output goes to a file.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace crisp::e2e {

// Not thread-safe. Throws std::runtime_error when a program cannot be started.
class DaemonProcess {
 public:
  DaemonProcess() = default;
  ~DaemonProcess() { Kill(); }
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  // Output is appended to `log`.
  void Start(const std::string& path, const std::vector<std::string>& arguments, const std::string& log);
  // SIGKILL, and reaped. Nothing if it is not running.
  void Kill();
  // SIGTERM, and reaped; SIGKILL after ten seconds. The wait status, 0 if it was not running.
  int Terminate();
  // False once it has ended by itself.
  bool Running();
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

}  // namespace crisp::e2e
