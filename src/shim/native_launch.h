// NativeLaunch: the launch of a process inside a container by the exec helper (src/exec_helper), in place of the OCI
// runtime.
//
// The helper reports over a socket (shim/exec_report.h), and the socket's end says that the command runs. The process
// is a child of the shim from the first.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "os/cgroup_core.h"
#include "os/fd.h"
#include "shim/children.h"
#include "shim/context.h"
#include "shim/exec_report.h"
#include "shim/loop.h"
#include "shim/runtime_command.h"

namespace crisp::shim {

class NativeLaunch {
 public:
  // `pid`: the process; -1 if there is none. After a failure it may have to be reaped.
  using Finished = std::function<void(std::optional<Failure>, pid_t pid)>;

  explicit NativeLaunch(Context context) : context_(context) {}
  ~NativeLaunch();
  NativeLaunch(const NativeLaunch&) = delete;
  NativeLaunch& operator=(const NativeLaunch&) = delete;

  // `plan`: a descriptor of an ExecPlan. `init`: the container's first process. `cgroups`: those that the process
  // joins. `stdio` as for Spawn. `finished` is called once, from the loop, unless this object is destroyed before; it
  // must not destroy this object. Where only the OCI runtime can help the failure is kUseRuntime, and nothing has
  // happened.
  void Run(int plan, pid_t init, const cgroup::Dirs& cgroups, const int (&stdio)[3], int64_t timeout_nanos,
           Finished finished);
  void Cancel() { Stop(ErrorCode::kCancelled); }
  // The master of the process's terminal, if its plan asks for one.
  Fd TakeTerminal() { return std::move(terminal_); }

 private:
  std::optional<Failure> Start(int plan, pid_t init, const cgroup::Dirs& cgroups, const int (&stdio)[3]);
  void OnReports();
  void Take(const ExecReport& report, std::string text, pid_t sender);
  void Stop(ErrorCode why);
  void OnEnd();
  void Finish(std::optional<Failure> failure);

  Context context_;
  std::optional<Children::Hold> hold_;
  Fd reports_;
  pid_t helper_ = -1;
  pid_t pid_ = -1;
  bool ready_ = false;
  Fd terminal_;
  std::optional<Failure> failure_;
  std::optional<ErrorCode> stopped_;
  Loop::Timer deadline_ = 0;
  Finished finished_;
};

// What a report of kFailed means: in the words of runc(8), which people and programs know.
Failure FailureOf(const ExecReport& report, const std::string& text);

}  // namespace crisp::shim
