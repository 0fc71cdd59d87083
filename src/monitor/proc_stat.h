// ProcStat: the numbers of /proc/PID/stat (proc(5)) that metrics of processes are made of.
//
// A plain function, callable from any thread.
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

}  // namespace crisp
