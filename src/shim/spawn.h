// Spawn: the one place of the shim that forks. The shim has one thread, so what runs between fork and exec is ordinary
// code; it is still only system calls.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace crisp::shim {

// What the shim's own oom_score_adj was before it protected itself: its children start with that.
void ProtectFromOom();

// Starts argv[0] with the shim's environment, `stdio` as its descriptors 0, 1 and 2 (/dev/null where negative) and no
// other, in a process group of its own, and killed by the kernel if the shim dies. -1 with errno if it cannot fork; a
// program that cannot be run exits with 127 after a line on its stderr.
pid_t Spawn(const std::vector<std::string>& argv, const int (&stdio)[3]);

}  // namespace crisp::shim
