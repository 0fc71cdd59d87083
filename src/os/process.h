// Child processes. posix_spawn(3) only: nothing that can fail politely ever runs between fork and exec of a daemon with
// threads. A child gets descriptors 0, 1 and 2 and no other (close_range before exec), no blocked and no ignored
// signal, and a process group of its own, so that it can be killed with its children.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/call.h"
#include "os/pidfd.h"

namespace crisp {

struct Command {
  std::string path;               // absolute
  std::vector<std::string> args;  // without argv[0]
  std::vector<std::string> env;   // the whole environment, "NAME=value"
  std::string input;              // written to its stdin, which is then closed
  size_t output_limit = 1 << 20;  // bytes kept of stdout and of stderr each; what is beyond is read and dropped
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

// Runs to the end, or until `call` is over: then the whole process group is killed and reaped, and the error is call's.
// One that does not even end by SIGKILL is waited for two seconds, and then reaped behind the answer. A child that
// ended but left somebody holding its pipes open is not waited for.
absl::StatusOr<CommandResult> RunCommand(const Command& command, const Call& call);

// A child that is not waited for here. `stdio` are its descriptors 0, 1 and 2 (/dev/null where not valid).
struct Child {
  pid_t pid = -1;
  Pidfd pidfd;
};
absl::StatusOr<Child> SpawnDetached(const std::string& path, const std::vector<std::string>& args,
                                    const std::vector<std::string>& env, const int (&stdio)[3]);

// Waits until `process` has ended, reaped or not, or `call` is over; then the error is call's.
absl::Status AwaitEnd(const Pidfd& process, const Call& call);

// Raises this process's soft limit of descriptors to the hard one: a pod takes a few, a pull many. Children get the one
// that was there before, on which programs count (select(2), loops over all descriptors). Once, before there is a
// child.
//
// posix_spawn(3) cannot set limits, so a child gets its own right after it was started. A shim starts nothing before it
// is asked to, later; a plugin may start a helper a moment too early, and that one keeps the high limit.
void RaiseDescriptorLimit();

}  // namespace crisp
