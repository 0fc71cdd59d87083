// ExecHelper: the program of native execs (src/exec_helper), as a file that no process of a container can change.
//
// Its image is a part of the shim. It is written into a memory file once, at the first native exec, and sealed: what a
// container reaches by /proc/PID/exe of a helper is that file, and neither a program of the node (CVE-2019-5736) nor
// anything that can be written.
#pragma once

#include "os/fd.h"

namespace crisp::shim {

class ExecHelper {
 public:
  // A descriptor of the sealed file, which stays this object's; -1 with errno if there is none: the kernel allows no
  // executable memory files (vm.memfd_noexec, sysctl(5)), or the helper is not built for this architecture.
  int file();

 private:
  Fd file_;
};

}  // namespace crisp::shim
