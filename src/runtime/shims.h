// Shims: launches and finds the shims of this node, and cleans up after those that died. Tests of src/sandbox replace
// it by a fake.
//
// Threading: any thread may call any method; methods block as Shim's do.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/shim.h"

namespace crisp {

class CallContext;
class Reactor;

class Shims {
 public:
  virtual ~Shims() = default;

  // Starts a shim for `pod_id` and connects to it. `listener` must outlive the result. After an error no shim is left.
  virtual absl::StatusOr<std::unique_ptr<Shim>> Launch(const std::string& pod_id, const ShimPaths& paths,
                                                       ShimListener* listener, const CallContext& call) = 0;

  // Connects to a running shim after a restart of the daemon. Earlier exits are not reported to the listener;
  // Shim::List has them. Unavailable if no process listens at paths.socket.
  virtual absl::StatusOr<std::unique_ptr<Shim>> Connect(const std::string& pod_id, const ShimPaths& paths,
                                                        ShimListener* listener, const CallContext& call) = 0;

  // Asks the program at `path` for the name of its build. Internal if it cannot be run, or is no crisp-shim that can
  // replace another.
  virtual absl::StatusOr<ShimProgram> Program(const std::string& path, const CallContext& call) = 0;

  // Kills the shim that listens at paths.socket, without talking to it (cleanup.h, KillShim).
  virtual absl::Status Kill(const ShimPaths& paths, const CallContext& call) = 0;

  // Removes what a container of a dead shim has left (cleanup.h).
  virtual absl::Status CleanUpContainer(const OciRuntime& runtime, const std::string& container_id,
                                        const std::string& cgroups_path, const CallContext& call) = 0;

  // Removes what a killed OCI runtime has left of a deleted container in its own directory (cleanup.h).
  virtual absl::Status RemoveRuntimeState(const OciRuntime& runtime, const std::string& container_id) = 0;
};

// The real ones. `reactor` must outlive them and every Shim.
std::unique_ptr<Shims> MakeShims(Reactor* reactor);

}  // namespace crisp
