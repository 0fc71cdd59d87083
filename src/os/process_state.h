// What a process does at the moment, as proc(5) tells.
//
// Plain functions, callable from any thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace crisp {

struct ProcessState {
  std::string command;   // the name of its program, at most 15 bytes
  char state = '?';      // 'R' runs, 'S' sleeps, 'D' waits for a device and cannot be killed, 'Z' has ended, …
  std::string waits_in;  // the kernel's function that it sleeps in; empty if it runs, or if the kernel does not tell
  // The kernel's functions that have led there, innermost first, at most kStackDepth; only for privileged readers.
  std::vector<std::string> stack;
};
inline constexpr size_t kStackDepth = 8;

// Nothing if there is no such process.
std::optional<ProcessState> StateOf(pid_t pid);
// Of a thread of this process.
std::optional<ProcessState> StateOfThread(pid_t thread);
// The threads of this process, in the order of their ids.
std::vector<pid_t> Threads();

// The fields of /proc/PID/stat behind the command's name: the first of them is field 3 of proc(5). Empty if there is no
// such process.
std::vector<std::string> StatFieldsOf(pid_t pid);

}  // namespace crisp
