// Pins a network namespace that an OCI runtime has made, as CreateNetns (os/netns.h) pins its own.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace crisp {

// Pins the network namespace of process `pid` on a new file `path`; RemoveNetns undoes it. An error if `path` exists,
// or if the process is in the caller's own namespace, which cannot be the one that is meant. After an error nothing is
// left behind.
absl::Status PinNetnsOf(pid_t pid, const std::string& path);

}  // namespace crisp
