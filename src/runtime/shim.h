// Shim: the daemon's interface to a pod's crisp-shim. ShimClient (shim_client.h) talks to the real process; tests of
// the callers use a fake. Shims (shims.h) launches and finds them.
//
// Ownership: src/sandbox holds one for each live pod. Destroying it closes the connection and leaves the shim and its
// containers running, so that they outlive the daemon. Shutdown ends the shim.
// Threading: any thread may call any method. A method blocks its caller until the answer or the end of `call`, and
// holds no lock while it waits. Listener methods run on the reactor's thread, one at a time, in the order in which the
// shim sent the events; they must not block.
// Errors: Unavailable if the shim is gone or its socket broke; DeadlineExceeded or Cancelled from `call`; Internal,
// with the step and the runtime's own words, for what the OCI runtime refused.
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
#include "base/stdio_streams.h"
#include "runtime/oci_runtime.h"

namespace crisp {

class CallContext;
class ShimStream;

struct ContainerExit {
  int exit_code = 0;        // 128 + signal if a signal ended it
  int64_t finished_at = 0;  // wall-clock nanoseconds
  bool oom_killed = false;  // the OOM killer took at least one of its processes
};

// What a container's log lacks, because it could not be written.
struct LogLoss {
  bool dropping = false;  // output is being lost now
  uint64_t bytes = 0;     // since the container's start
  uint64_t lines = 0;
  std::string error;  // the kernel's text; while output is being lost, if it is known
};

struct StartRequest {
  std::string container_id;
  std::string bundle;              // absolute; the directory of config.json and rootfs/
  std::string exit_path;           // absolute; the file of the exit record (shim/exit_record.h)
  std::string log_path;            // absolute; empty: output is dropped
  int64_t log_line_limit = 16384;  // bytes; longer lines are split, their parts tagged P. 0 or less: no limit
  // For how long the container waits for a log that cannot be written, before its output is lost and counted.
  std::chrono::nanoseconds log_wait = std::chrono::seconds(5);
  OciRuntime runtime;
  std::string cgroups_path;  // linux.cgroupsPath of the bundle's config.json
  bool attachable = false;   // routes output through the shim even without a log
  bool input = false;        // gives it a stdin; otherwise stdin is /dev/null
  bool input_once = false;   // closes stdin when the first attached client leaves (ignored with a terminal)
  bool terminal = false;     // equal to process.terminal of config.json
  // The owner of the container's ends of its pipes: the ids that its root has on the node. A process in a user
  // namespace could not open /dev/stdout otherwise.
  uint32_t stdio_uid = 0;
  uint32_t stdio_gid = 0;
};

struct StartedContainer {
  pid_t pid = -1;
  int64_t started_at = 0;  // wall-clock nanoseconds
};

struct ExecRequest {
  std::string container_id;
  std::string process_json;             // an OCI "process" object (runtime-spec config.md), for the OCI runtime
  std::chrono::nanoseconds timeout{0};  // 0: none
  uint64_t output_limit = 16 << 20;     // bytes kept of stdout and of stderr each; the rest is read and dropped
  std::string plan = {};                // in place of process_json: the shim runs it itself (shim/exec_plan.h)
};

struct ExecResult {
  int exit_code = 0;
  std::string output;
  std::string error_output;
};

// An exec whose streams the caller reads and writes itself.
struct ExecStreamRequest {
  std::string container_id;
  std::string process_json;  // as in ExecRequest
  StdioStreams streams;      // whose `terminal` equals that of the process
  std::string plan = {};     // as in ExecRequest
};

struct AttachRequest {
  std::string container_id;
  StdioStreams streams;  // whose `terminal` is ignored: the container has one or has none
};

// One container, as a shim that outlived its daemon reports it.
struct ShimContainer {
  std::string id;
  bool exited = false;
  StartedContainer started;
  ContainerExit exit;     // if exited
  bool starting = false;  // its start is under way and may still fail; Start joins it
  LogLoss log_loss;
};

class ShimListener {
 public:
  virtual ~ShimListener() = default;
  // The exit record is already on disk.
  virtual void OnExit(absl::string_view container_id, const ContainerExit& exit) = 0;
  // The OOM killer has killed processes of the container, `kills` since its start in all. At most once a second.
  virtual void OnOomKill(absl::string_view container_id, uint64_t kills) = 0;
  // Output of the container begins to be lost, is still being lost (from time to time), or is logged again.
  virtual void OnLogLoss(absl::string_view container_id, const LogLoss& loss) = 0;
  // The shim died, or closed its socket because another daemon connected. No listener method is called after it. Not
  // called for a shim that Shutdown or Terminate ended.
  virtual void OnShimGone() = 0;
};

// A program of crisp-shim, to replace that of a running one.
struct ShimProgram {
  std::string path;   // absolute
  std::string build;  // its name (shim/build.h)
};

struct ShimPaths {
  std::string program;  // crisp-shim, absolute
  std::string socket;
  std::string log;
};

class Shim {
 public:
  virtual ~Shim() = default;

  virtual pid_t pid() const = 0;
  // The name of the program that the shim runs (shim/build.h); empty if the shim is too old to tell.
  virtual std::string build() const = 0;

  virtual absl::StatusOr<std::vector<ShimContainer>> List(const CallContext& call) = 0;

  // Runs `create` and `start` of the OCI runtime. A duplicate Start of a container waits for the first one and returns
  // its result; so does the Start of a container whose start an earlier daemon asked for.
  //
  // When `call` ends, the start is cancelled and Start waits, for a bounded time, until the shim confirms that it is
  // undone. The error code says what is known:
  //   Unknown      The shim has not confirmed it. The start is undecided: the container may run, or may still be
  //                started. Calling Start again joins it and returns its result.
  //   Unavailable  The shim is gone. Shims::CleanUpContainer removes what is left.
  //   any other    The start failed and is undone: nothing of it runs, and no exit is reported. If the undo itself
  //                failed (the runtime's `delete`, a cgroup), the text says so.
  virtual absl::StatusOr<StartedContainer> Start(const StartRequest& request, const CallContext& call) = 0;

  // Sends `signal` to the container's first process, or to all of its processes. OK if it has exited.
  virtual absl::Status Kill(const std::string& container_id, int signal, bool all, const CallContext& call) = 0;

  // Runs `delete --force`; the shim then forgets the container. OK if the shim never knew it. Internal while it is
  // being started.
  virtual absl::Status Delete(const std::string& container_id, const CallContext& call) = 0;

  // Unimplemented for a plan that this shim cannot run: nothing has happened, and the OCI runtime may be asked.
  // DeadlineExceeded once request.timeout has passed or `call` is over; the process and its children are gone then.
  virtual absl::StatusOr<ExecResult> Exec(const ExecRequest& request, const CallContext& call) = 0;

  // Unimplemented as Exec. Returns when the process runs; destroying the stream ends it. FailedPrecondition if the
  // container does not run.
  virtual absl::StatusOr<std::unique_ptr<ShimStream>> OpenExec(const ExecStreamRequest& request,
                                                               const CallContext& call) = 0;

  // Attaches to the container's own streams, from now on. Several clients may be attached at once: each gets all
  // output, and their input is mixed. A client that reads nothing for 5 seconds while there is output is detached;
  // until then it blocks the container's output.
  virtual absl::StatusOr<std::unique_ptr<ShimStream>> Attach(const AttachRequest& request, const CallContext& call) = 0;

  // Reopens the log path after the file was renamed. No line is lost or written twice.
  virtual absl::Status ReopenLog(const std::string& container_id, const CallContext& call) = 0;

  // Replaces the shim's program in place. The process, its containers, logs, streams and this connection go on, and
  // nothing of them is lost. After an error the shim goes on with the program that it had, unless it is gone:
  //   Aborted      something is under way that cannot be handed over, such as a start; ask again later
  //   Internal     the new program cannot be run, or does not take this shim's state; or the shim is too old
  //   Unavailable  the shim is gone
  virtual absl::Status Upgrade(const ShimProgram& program, const CallContext& call) = 0;

  // Ends the shim; it kills and removes the containers that it still has. A repeated call is fine.
  //   OK           The containers are removed and the shim's process is gone.
  //   Unavailable  The process is gone, but did not confirm the removal: call Shims::CleanUpContainer for each.
  //   Internal     It could not remove everything and exits; the next call returns Unavailable.
  //   any other    It may still run: call again, or Terminate one that hangs.
  virtual absl::Status Shutdown(const CallContext& call) = 0;

  // Sends SIGKILL to the shim and waits until its process is gone. For a shim that does not answer: its containers run
  // on, unwatched, until Shims::CleanUpContainer. OK if it is gone already. DeadlineExceeded or Cancelled while it
  // hangs in the kernel; it dies as soon as it leaves.
  virtual absl::Status Terminate(const CallContext& call) = 0;
};

}  // namespace crisp
