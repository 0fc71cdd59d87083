// OciRuntime: an OCI runtime, called by its command line (runc(8); crun has the same).
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace crisp {

class CallContext;
struct Command;

struct OciRuntime {
  std::string binary;  // absolute
  std::string root;    // --root: where the runtime keeps its own state
  bool systemd_cgroup = false;
  bool no_pivot_root = false;
  bool no_new_keyring = false;
};

// The environment of a runtime and of the shim that calls it.
std::vector<std::string> RuntimeEnvironment();

// `binary` with `args` in that environment.
Command RuntimeCommand(const std::string& binary, std::vector<std::string> args);

// Runs the runtime with its global options, then `args`, whose first word is the command; `input` is its stdin.
// DeadlineExceeded or Cancelled if `call` is over first; Internal with the runtime's output if it fails.
absl::Status RunRuntime(const OciRuntime& runtime, const std::vector<std::string>& args, std::string input,
                        const CallContext& call);

}  // namespace crisp
