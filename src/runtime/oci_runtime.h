// How an OCI runtime is called: by its command line (runc(8), which crun keeps to).
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace crisp {

class Call;
struct Command;

// Where programs are looked for, by a runtime on the node (newuidmap is one) and in a container whose image does not
// say.
inline constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct OciRuntime {
  std::string binary;  // absolute
  std::string root;    // --root: where the runtime keeps its own state
  bool systemd_cgroup = false;
  bool no_pivot_root = false;
  bool no_new_keyring = false;
};

// What a runtime, and the shim that calls one, finds in its environment.
std::vector<std::string> RuntimeEnvironment();

// `binary` with `args` in that environment.
Command RuntimeCommand(const std::string& binary, std::vector<std::string> args);

// Runs the runtime with its global options, then `args`, whose first word is the command; `input` is its stdin. What
// `call` says if it ends first, Internal with the runtime's own words if it fails.
absl::Status RunRuntime(const OciRuntime& runtime, const std::vector<std::string>& args, std::string input,
                        const Call& call);

}  // namespace crisp
