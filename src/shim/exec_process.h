// ExecProcess: a process inside a running container, and everything it starts. It is launched by the exec helper from a
// plan (NativeLaunch), or by `runtime exec --detach` from an OCI process object.
//
// The process becomes a child of the shim, which therefore sees its exact exit code. It runs in a cgroup of its own
// below the container's (ExecCgroups), so that Kill also finds children that have daemonised. After a normal end
// (Leave) processes that are left in that cgroup move up to the container's. Where no cgroup can be had the exec works
// all the same, but Kill does not find children that have left its session.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "os/cgroup_core.h"
#include "os/fd.h"
#include "shim/cgroup_end.h"
#include "shim/context.h"
#include "shim/exec_cgroups.h"
#include "shim/messages.h"
#include "shim/native_launch.h"
#include "shim/runtime_command.h"
#include "shim/state.h"
#include "shim/stdio_owner.h"

namespace crisp::shim {

class Container;

class ExecProcess {
 public:
  using Launched = std::function<void(std::optional<Failure>)>;
  using Exited = std::function<void(int code)>;

  // What a request is launched from.
  struct Source {
    Fd file;               // of an OCI process object or of an ExecPlan
    bool planned = false;  // which of them
  };

  // `number` is unique in this shim.
  ExecProcess(Context context, const Container& container, uint64_t number, Source source);
  ~ExecProcess();
  ExecProcess(const ExecProcess&) = delete;
  ExecProcess& operator=(const ExecProcess&) = delete;

  // Starts the process. `stdio` as in Spawn, but [2] must be valid unless there is a terminal, whose master the runtime
  // sends to `console_socket` (empty: none, or a plan that asks for a terminal: TakeTerminal). `launched` is called
  // once, from the loop; after a failure nothing is left of the process. After a success `exited` is called once,
  // later. Neither is called after Kill.
  void Launch(const int (&stdio)[3], const std::string& console_socket, Launched launched, Exited exited);

  // Kills the process, or the runtime that launches it, with everything that it started. `killed` is called once, from
  // the loop or before this returns, when nothing is left or CgroupEnd::kKillNanos are over: a process in state D must
  // not hold up the end. Called once.
  void Kill(std::function<void()> killed);
  // Gives the cgroup back. To be called at the end of every exec.
  void Leave();

  // For an upgrade, of a process that has been launched and is not being killed. Restore in place of Launch.
  bool launching() const { return launched_ != nullptr; }
  ProcessState Save() const;
  void Restore(const ProcessState& state, Exited exited);
  uint64_t number() const { return number_; }
  const std::string& container_id() const { return container_id_; }

  bool planned() const { return source_.planned; }
  Fd TakeTerminal() { return native_.TakeTerminal(); }
  // As RuntimeCommand's.
  bool said_nothing() const { return command_.said_nothing(); }
  // Of what launched it.
  RunTimes launch_times() const { return launch_times_; }
  const std::string& bundle() const { return bundle_; }
  const std::string& name() const { return name_; }

 private:
  std::string PidFile() const { return bundle_ + "/" + name_ + ".pid"; }
  std::vector<std::string> Arguments(const std::string& console_socket) const;
  void LaunchByRuntime(const int (&stdio)[3], const std::string& console_socket);
  void LaunchNatively(const int (&stdio)[3]);
  void OnRuntimeEnded(std::optional<Failure> failure);
  void OnLaunched(std::optional<Failure> failure, pid_t pid);
  std::optional<Failure> Take(pid_t pid);
  void OnExit(int code);
  void KillAll(std::function<void()> killed);

  Context context_;
  std::string container_id_;
  std::string bundle_;
  Runtime runtime_;
  StdioOwner stdio_owner_;
  std::shared_ptr<ExecCgroups> cgroups_;
  uint64_t number_;
  std::string name_;  // "exec-<number>"
  Source source_;
  const pid_t init_;
  const cgroup::Dirs container_cgroups_;
  RuntimeCommand command_;
  NativeLaunch native_;
  RunTimes launch_times_;
  std::optional<cgroup::Dir> cgroup_;
  CgroupEnd cgroup_end_;
  pid_t pid_ = -1;
  Launched launched_;  // while it is being launched
  Exited exited_;
  std::function<void()> killed_;  // set by a Kill during the launch
};

}  // namespace crisp::shim
