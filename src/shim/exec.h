// ExecSession: one ExecSync inside a container, by `runtime exec --detach`.
//
// The process becomes the shim's child, so that its exit code is exact. It runs in a cgroup of its own below the
// container's: when its time is over, or nobody waits any more, everything that it started is killed with it, also what
// has daemonised. At a normal end what is left in there belongs to the container from then on, and moves up.
//
// Output is sent as it comes, at most `output_limit` bytes of each stream; more is read and dropped. Nothing is read
// while the daemon has not taken what was sent before: neither side's memory grows. A child that still holds the pipe
// after the exit is waited for kDrainNanos.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "os/cgroup_core.h"
#include "os/fd.h"
#include "shim/container.h"
#include "shim/runtime_command.h"

namespace crisp::shim {

class ExecSession {
 public:
  static constexpr int64_t kDrainNanos = 1'000'000'000;

  // How a session ends: with an exit code, or why it has none.
  struct End {
    std::optional<Failure> failure;
    int exit_code = 0;
  };
  struct Client {
    uint64_t request = 0;
    // Sends a chunk; false: not now, and Resume is called when it may go on.
    std::function<bool(uint8_t stream, std::string_view data)> output;
    std::function<void(const End&)> ended;  // the last call
  };

  // `number` is unique in this shim. `process` holds the OCI process object.
  ExecSession(Context context, const Container& container, uint64_t number, Exec request, Fd process, Client client);
  ~ExecSession();
  ExecSession(const ExecSession&) = delete;
  ExecSession& operator=(const ExecSession&) = delete;

  void Begin();
  void Resume();
  void Cancel(ErrorCode why);  // kills; `ended` follows

  uint64_t request() const { return client_.request; }

 private:
  // kStdout and kStderr of the wire are 1 and 2.
  struct Stream {
    Fd read_end;
    uint64_t left = 0;  // bytes still to be sent
  };

  void MakeCgroup();
  int MakePipes(Fd (&write_ends)[2]);
  void OnLaunched(std::optional<Failure> failure);
  void OnExit(int code);
  void Read(int stream);
  void WatchStreams();
  void UnwatchStreams();
  void CloseStreams();
  void KillEverything();
  void FinishIfDrained();
  void Finish(End end);

  Context context_;
  std::string container_id_;
  std::string bundle_;
  Runtime runtime_;
  cgroup::Dirs container_cgroups_;
  std::string name_;  // "exec-<number>"
  Exec request_;
  Fd process_;
  Client client_;
  RuntimeCommand command_;
  std::optional<cgroup::Dir> cgroup_;
  Stream streams_[2];
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
  std::optional<ErrorCode> cancelled_;
  bool paused_ = false;
  Loop::Timer deadline_ = 0;
  Loop::Timer drain_ = 0;
};

}  // namespace crisp::shim
