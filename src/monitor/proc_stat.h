// The numbers of /proc/PID (proc(5)) that metrics of processes are made of.
//
// Plain functions, callable from any thread.
#pragma once

#include <sys/types.h>

#include <optional>

namespace crisp {

struct ProcStat {
  double cpu_seconds = 0;  // user and system time
  double threads = 0;
  double start_seconds = 0;  // since the machine's start
  double virtual_bytes = 0;
  double resident_bytes = 0;
};

// Nothing if there is no such process.
std::optional<ProcStat> ReadProcStat(pid_t pid);

// Without the one that counts them; 0 if there is no such process.
double OpenDescriptors(pid_t pid);

}  // namespace crisp
