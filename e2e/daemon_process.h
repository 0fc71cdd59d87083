// DaemonProcess: a program that a test starts and ends, crispd or docker-registry. Its output goes to a file.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace crisp::e2e {

// Owns the process: the destructor kills it. Not thread-safe.
class DaemonProcess {
 public:
  DaemonProcess() = default;
  ~DaemonProcess() { Kill(); }
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  // Appends its output to the file `log`. `input` becomes its standard input; -1: /dev/null. Throws std::runtime_error
  // if the program cannot be started.
  void Start(const std::string& path, const std::vector<std::string>& arguments, const std::string& log,
             int input = -1);
  // Ends it with SIGKILL and reaps it. Does nothing if it does not run.
  void Kill();
  // Ends it with SIGTERM, or after ten seconds with SIGKILL, and reaps it. Returns the wait status; 0 if it did not
  // run.
  int Terminate();
  // False once it has ended; reaps it then.
  bool Running();
  // How it ended: "exit status 1", "killed by signal 11". Call it after Running has returned false.
  std::string End() const;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;  // -1 while none runs
  int end_ = 0;     // the wait status
};

}  // namespace crisp::e2e
