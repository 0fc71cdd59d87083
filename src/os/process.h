// Child processes that run another program. They are started by posix_spawn(3), so that no code of the daemon, which
// has threads, runs between fork and exec. (The one other child of the daemon never runs a program:
// os/user_namespace.h.) A child gets descriptors 0, 1 and 2 and no others (close_range(2) before exec), no blocked and
// no ignored signals, and a process group of its own, so that it can be killed together with its children.
//
// Threading: from any thread, but for RaiseDescriptorLimit.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "os/pidfd.h"

namespace crisp {

struct Command {
  std::string path;               // absolute
  std::vector<std::string> args;  // without argv[0]
  std::vector<std::string> env;   // the whole environment, "NAME=value"
  std::string input;              // written to its stdin, which is then closed
  size_t output_limit = 1 << 20;  // bytes kept of stdout and of stderr each; more is read and dropped
};

struct CommandResult {
  int exit_code = -1;  // -1 if a signal ended it
  int signal = 0;
  std::string output;
  std::string error_output;

  bool ok() const { return exit_code == 0; }
  // "exit status 1" or "killed by signal 9", followed by the last line of stderr if it wrote one.
  std::string Describe() const;
};

// Runs the command to its end. If `call` is over first, kills the whole process group and returns call's error; a
// command that does not die of SIGKILL within two seconds is left to a thread that reaps it. Output is read until the
// pipes are at their end, but after the command has ended for at most 200 ms: a process that it left behind may hold
// them open for ever.
absl::StatusOr<CommandResult> RunCommand(const Command& command, const CallContext& call);

struct Child {
  pid_t pid = -1;
  Pidfd pidfd;
};

// Starts a program in a session of its own and returns; the caller reaps it. `stdio` become its descriptors 0, 1 and 2;
// a negative one becomes /dev/null.
absl::StatusOr<Child> SpawnDetached(const std::string& path, const std::vector<std::string>& args,
                                    const std::vector<std::string>& env, const int (&stdio)[3]);

// Waits until `process` has ended, reaped or not, or `call` is over; then the error is call's.
absl::Status AwaitEnd(const Pidfd& process, const CallContext& call);

// Raises this process's soft limit of descriptors to the hard one: a pod takes a few, a pull many. Children get the
// previous limit, which programs rely on (select(2), loops over all descriptors). Call it once, before the first child.
//
// posix_spawn(3) cannot set limits, so a child's limit is set right after it was started. A plugin that starts a helper
// before that gives it the high limit; a shim starts nothing until it is asked to.
void RaiseDescriptorLimit();

}  // namespace crisp
