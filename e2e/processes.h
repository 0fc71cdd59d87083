// The processes of the test's machine, as proc(5) shows them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace crisp::e2e {

// "/proc/PID/name".
std::string ProcPath(pid_t pid, const std::string& name);

// Command lines by pid, of all processes but the machine's init, this one and `except`. A zombie's is "zombie (comm)".
std::map<pid_t, std::string> CommandLines(const std::vector<pid_t>& except = {});

// The same as "pid command line", for messages.
std::vector<std::string> ProcessList(const std::vector<pid_t>& except = {});

// True if the command line of any process contains `text`.
bool Runs(const std::string& text);

// The one process whose command line contains `text`. Waits up to 5 s for there to be exactly one: a process that has
// just been started shows its starter's command line for a moment. Throws std::runtime_error.
pid_t PidByCommand(const std::string& text);

// The first process of a container, or of a pod's pause container: it is in a cgroup with `id` in its path, and its
// parent is not. Throws std::runtime_error if there is none.
pid_t PidOf(const std::string& id);

// False once the process has ended and has been reaped.
bool Exists(pid_t pid);

// "pid@start time": names one process for good, however often its pid is used again.
std::string Identity(pid_t pid);

// A value in KiB from "key:  123 kB" in /proc/PID/file, which is status or smaps_rollup. Throws std::runtime_error.
int64_t MemoryKib(pid_t pid, const std::string& file, const std::string& key);

// User and system time of a process with all its threads, in seconds.
double CpuSeconds(pid_t pid);

// How many entries /proc/PID/directory has: descriptors in "fd", threads in "task".
size_t CountOf(pid_t pid, const std::string& directory);

}  // namespace crisp::e2e
