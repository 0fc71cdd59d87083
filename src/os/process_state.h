// What a process does at the moment, as proc(5) tells.
//
// Plain functions, callable from any thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace crisp {

struct ProcessState {
  std::string command;   // the name of its program, at most 15 bytes
  char state = '?';      // 'R' runs, 'S' sleeps, 'D' waits for a device and cannot be killed, 'Z' has ended, …
  std::string waits_in;  // the kernel's function that it sleeps in; empty if it runs, or if the kernel does not tell
};

// Nothing if there is no such process.
std::optional<ProcessState> StateOf(pid_t pid);

}  // namespace crisp
