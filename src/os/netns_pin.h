// A network namespace that an OCI runtime has made, pinned as CreateNetns pins its own.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace crisp {

// Pins the network namespace of process `pid` on a new file `path`; undone by RemoveNetns. An error if `path` exists,
// or if the process is in this process' own namespace: it is then not the one that the caller thinks it is. After an
// error nothing is left behind.
absl::Status PinNetnsOf(pid_t pid, const std::string& path);

}  // namespace crisp
