// What the daemon itself removes after a shim that hangs or has died.
//
// Threading: any thread; the functions that take a CallContext block until they are done or `call` is over.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace crisp {

class CallContext;
struct OciRuntime;
struct ShimPaths;

// Kills (SIGKILL) the shim that listens at paths.socket and waits until its process is gone. Its containers are left
// to CleanUpContainer. OK if nobody listens there. Internal, and nothing is killed, if the listener was not started as
// the shim of that socket. DeadlineExceeded or Cancelled from `call`.
absl::Status KillShim(const ShimPaths& paths, const CallContext& call);

// Removes what a container of a dead shim has left: kills every process in its cgroups, runs `delete --force` of the
// runtime, removes the cgroups. `cgroups_path` is linux.cgroupsPath of its spec. OK if nothing is left.
absl::Status CleanUpContainer(const OciRuntime& runtime, const std::string& container_id,
                              const std::string& cgroups_path, const CallContext& call);

// Removes what a killed runtime has left of a deleted container in its own directory. While runc starts a process, it
// mounts its program there (against CVE-2019-5736); killed at that moment, it cannot delete the directory later. OK if
// nothing is left.
absl::Status RemoveRuntimeState(const OciRuntime& runtime, const std::string& container_id);

}  // namespace crisp
