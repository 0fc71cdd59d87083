// Spawn: starts programs; the only place of the shim that forks. Because the shim has one thread, any code may run
// between fork and exec; it makes system calls only all the same.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace crisp::shim {

// Protects the shim from the OOM killer (oom_score_adj, proc(5)). Children get back the value that it had before.
void ProtectFromOom();
// For an upgrade: the value that children get; empty if it was not changed. The next program has it from the first.
std::string OriginalOom();
void SetOriginalOom(const std::string& value);

// Starts argv[0] with the shim's environment and in a process group of its own. `stdio` become its descriptors 0, 1 and
// 2 (/dev/null for a negative one); it gets no others. The kernel kills it if the shim dies. Returns -1 with errno if
// the shim cannot fork; a program that cannot be executed exits with 127 after a line on its stderr.
pid_t Spawn(const std::vector<std::string>& argv, const int (&stdio)[3]);

// Starts the program that is open as `file`, without arguments and environment, with `stdio` likewise. `more` become
// its descriptors 3, 4 and so on. With `cgroup`, the descriptor of a directory of cgroup v2, it is born in that cgroup.
pid_t SpawnFile(int file, const int (&stdio)[3], const std::vector<int>& more, int cgroup);

}  // namespace crisp::shim
