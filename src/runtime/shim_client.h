// ShimClient: the daemon's end of a pod's crisp-shim (the wire is described in shim/protocol.h).
//
// Ownership: sandbox/ holds one for each live pod. Destroying it closes the connection and leaves the shim and its
// containers running: that is what lets them outlive the daemon. Shutdown ends the shim.
// Threading: every method may be called from any thread, blocks its caller until the answer or the end of `call`, and
// holds no lock while it waits. Listener methods are called from the reactor's thread, one at a time, in the order in
// which the shim sent them; they must not block.
// Errors: Unavailable if the shim is gone or its socket broke, DeadlineExceeded or Cancelled from `call`, Internal with
// the step and the runtime's own words for what the OCI runtime refused.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call.h"
#include "runtime/oci_runtime.h"

namespace crisp {

class Reactor;
class ShimConnection;
class ShimStream;

struct ContainerExit {
  int exit_code = 0;        // 128 + signal if a signal ended it
  int64_t finished_at = 0;  // wall-clock nanoseconds
  bool oom_killed = false;  // the OOM killer took one of its processes, whichever
};

struct StartRequest {
  std::string container_id;
  std::string bundle;              // absolute: config.json and rootfs/
  std::string exit_path;           // absolute: where the exit record goes (shim/exit_record.h)
  std::string log_path;            // absolute; empty: output is dropped
  int64_t log_line_limit = 16384;  // bytes of a line; longer ones are split with tag P. 0 or less: no limit
  OciRuntime runtime;
  std::string cgroups_path;  // linux.cgroupsPath of the bundle's config.json
  bool attachable = false;   // output goes through the shim also without a log
  bool input = false;        // it has a stdin; else /dev/null
  bool input_once = false;   // which is closed when the first who was attached to it has gone (not a terminal's)
  bool terminal = false;     // as process.terminal of config.json says
};

struct StartedContainer {
  pid_t pid = -1;
  int64_t started_at = 0;  // wall-clock nanoseconds
};

struct ExecRequest {
  std::string container_id;
  std::string process_json;             // an OCI "process" object (runtime-spec config.md)
  std::chrono::nanoseconds timeout{0};  // 0: none
  uint64_t output_limit = 16 << 20;     // bytes kept of stdout and of stderr each; the rest is read and dropped
};

struct ExecResult {
  int exit_code = 0;
  std::string output;
  std::string error_output;
};

// An exec with streams of its own.
struct ExecStreamRequest {
  std::string container_id;
  std::string process_json;  // as for ExecRequest
  bool terminal = false;     // as process_json says; then output carries all, and there is no error_output
  bool input = false;        // what is not asked for is /dev/null
  bool output = false;
  bool error_output = false;
};

struct AttachRequest {
  std::string container_id;
  bool input = false;
  bool output = false;
  bool error_output = false;
};

// One container as a shim that outlived its daemon reports it.
struct ShimContainer {
  std::string id;
  bool exited = false;
  StartedContainer started;
  ContainerExit exit;     // if exited
  bool starting = false;  // its start is not over, and may fail yet: Start joins it
};

class ShimListener {
 public:
  virtual ~ShimListener() = default;
  // The exit record is already on disk.
  virtual void OnExit(absl::string_view container_id, const ContainerExit& exit) = 0;
  // The shim has died, or closed its socket (for a daemon that came later): no further call of this listener follows.
  // Not called for a shim that was to end by Shutdown or Terminate.
  virtual void OnShimGone() = 0;
};

struct ShimPaths {
  std::string program;  // crisp-shim, absolute
  std::string socket;
  std::string log;
};

class ShimClient {
 public:
  // Starts a shim for `pod_id` and connects to it. `listener` must outlive the client.
  static absl::StatusOr<std::unique_ptr<ShimClient>> Launch(Reactor& reactor, const std::string& pod_id,
                                                            const ShimPaths& paths, ShimListener* listener,
                                                            const Call& call);
  // Connects to a shim that is already there, after a restart of the daemon. Exits that happened meanwhile are in
  // List, not repeated to the listener.
  static absl::StatusOr<std::unique_ptr<ShimClient>> Connect(Reactor& reactor, const std::string& pod_id,
                                                             const ShimPaths& paths, ShimListener* listener,
                                                             const Call& call);
  ~ShimClient();
  ShimClient(const ShimClient&) = delete;
  ShimClient& operator=(const ShimClient&) = delete;

  pid_t pid() const;

  absl::StatusOr<std::vector<ShimContainer>> List(const Call& call);
  // `runtime create` and `runtime start`; joins a start that an earlier daemon asked for. After an error nothing of the
  // container is left in the runtime, its cgroups are gone, and no exit is reported.
  absl::StatusOr<StartedContainer> Start(const StartRequest& request, const Call& call);
  // Sends `signal` to the container's first process, or to all of its processes. OK if it has exited.
  absl::Status Kill(const std::string& container_id, int signal, bool all, const Call& call);
  // `runtime delete --force`, and the shim forgets the container. OK if it never knew it.
  absl::Status Delete(const std::string& container_id, const Call& call);
  // DeadlineExceeded once request.timeout has passed, or `call` is over; the process and its children are gone then.
  absl::StatusOr<ExecResult> Exec(const ExecRequest& request, const Call& call);
  // Returns when the process runs; from then on the stream's owner ends it. FailedPrecondition if the container does
  // not run.
  absl::StatusOr<std::unique_ptr<ShimStream>> OpenExec(const ExecStreamRequest& request, const Call& call);
  // To the streams of the container itself, from now on. Several may be attached at once: each gets all output, and
  // their input is mixed. One that reads nothing for 5 seconds while there is output holds the container up for so
  // long, and is let go then.
  absl::StatusOr<std::unique_ptr<ShimStream>> Attach(const AttachRequest& request, const Call& call);
  // Opens the log path anew, after somebody renamed the file. No line is lost and none is written twice.
  absl::Status ReopenLog(const std::string& container_id, const Call& call);
  // Ends the shim for good; it kills and removes whatever containers it still has. OK once it has said so and its
  // process is gone, also if that was in an earlier call. Unavailable if the process is gone without a word: whatever
  // containers it had are then to be taken away by CleanUpContainer. Internal if it could not take away all, and
  // leaves; asked again it is Unavailable soon. After any other error it may still run: asked again, it tries again,
  // and Terminate ends one that hangs.
  absl::Status Shutdown(const Call& call);
  // SIGKILL for the shim, and returns when its process is gone: to one that does not answer. Its containers run on
  // unwatched until CleanUpContainer. OK if it is gone already; DeadlineExceeded or Cancelled if it has not died by
  // then (it hangs in the kernel), it will as soon as it can.
  absl::Status Terminate(const Call& call);

 private:
  explicit ShimClient(std::shared_ptr<ShimConnection> connection);
  static absl::StatusOr<std::unique_ptr<ShimClient>> Open(Reactor& reactor, const std::string& pod_id,
                                                          const ShimPaths& paths, ShimListener* listener,
                                                          const Call& call);
  // Shared with the reactor's callback, which may be running while the client goes.
  std::shared_ptr<ShimConnection> connection_;
};

// The same for a shim that listens at `paths.socket` and that one cannot, or need not, talk to: SIGKILL, and returns
// when its process is gone; its containers are left to CleanUpContainer. OK if nobody listens there. Internal, and
// nobody is killed, if whoever listens was not started as the shim of that socket. Errors of `call` as for
// ShimClient::Terminate.
absl::Status KillShim(const ShimPaths& paths, const Call& call);

// Removes what a container of a dead shim has left: kills every process in its cgroups, `runtime delete --force`,
// removes the cgroups. `cgroups_path` is linux.cgroupsPath of its spec. OK if nothing is left.
absl::Status CleanUpContainer(const OciRuntime& runtime, const std::string& container_id,
                              const std::string& cgroups_path, const Call& call);

// Removes what a runtime that was killed has left in its own directory of a container that it has deleted: runc mounts
// its program there for as long as it starts a process (against CVE-2019-5736), and cannot delete the directory when
// that was cut short. OK if nothing is left.
absl::Status RemoveRuntimeState(const OciRuntime& runtime, const std::string& container_id);

}  // namespace crisp
