// RuntimeCommand: one run of the OCI runtime's command line (runc(8); crun(1) takes the same), with a deadline.
//
// At the deadline, or on Cancel, the runtime's process group is killed. Descendants that have left the group are for
// the caller to find in the container's cgroups.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "shim/children.h"
#include "shim/loop.h"
#include "shim/messages.h"

namespace crisp::shim {

struct Runtime {
  std::string binary;
  std::string root;
  uint32_t flags = 0;  // Start::kSystemdCgroup and so on
};

// Why a step failed: the content of an Error.
struct Failure {
  ErrorCode code = ErrorCode::kInternal;
  std::string step;
  std::string text;
};

class RuntimeCommand {
 public:
  using Finished = std::function<void(std::optional<Failure>)>;

  RuntimeCommand(Loop& loop, Children& children) : loop_(loop), children_(children) {}
  ~RuntimeCommand();
  RuntimeCommand(const RuntimeCommand&) = delete;
  RuntimeCommand& operator=(const RuntimeCommand&) = delete;

  // Runs `<binary> <global options> <args>`. `step` names the command in a Failure. `stdio` as for Spawn; if [2] is
  // negative, stderr is collected for the Failure's text. `log_path` is the runtime's log: read after a failure and
  // removed. `finished` is called once, from the loop, unless this object is destroyed before. It may run the next
  // command, but must not destroy this object.
  void Run(const Runtime& runtime, std::string step, const std::vector<std::string>& args, const int (&stdio)[3],
           std::string log_path, int64_t timeout_nanos, Finished finished);
  void Cancel() { Stop(ErrorCode::kCancelled); }
  // True if the last run failed and neither its log nor the collected stderr said why.
  bool said_nothing() const { return said_nothing_; }

 private:
  void Stop(ErrorCode why);
  void ReadStderr();
  void OnExit(int code);
  void Finish(std::optional<Failure> failure);
  std::string Explain(int code);

  Loop& loop_;
  Children& children_;
  std::optional<Children::Hold> hold_;
  pid_t pid_ = -1;
  std::string step_;
  std::string log_path_;
  Fd stderr_;
  std::string stderr_text_;
  Loop::Timer deadline_ = 0;
  std::optional<ErrorCode> stopped_;
  bool said_nothing_ = false;
  Finished finished_;
};

// The number in a pid-file; -1 if there is none.
pid_t ReadPidFile(const std::string& path);

// Removes a pid-file and the temporary file that a killed runc may have left: since 1.0 it writes ".<name>" and renames
// it. (crun writes the file directly.)
void RemovePidFile(const std::string& path);

}  // namespace crisp::shim
