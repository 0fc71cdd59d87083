// SandboxOptions: what the configuration says of pods and containers. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "runtime/oci_runtime.h"
#include "sandbox/security_options.h"

namespace crisp {

struct SandboxOptions {
  std::map<std::string, OciRuntime> runtimes;                   // by name of the handler
  std::string default_runtime;                                  // a name in `runtimes`
  std::string sandbox_image;                                    // reference of the pause image
  std::string shim_program;                                     // absolute
  int64_t log_line_limit = 16384;                               // bytes; 0 or less: none
  std::chrono::nanoseconds log_wait = std::chrono::seconds(5);  // as in StartRequest
  bool native_exec = true;  // commands in containers run without the OCI runtime where the shim can do it
  bool restrict_oom_score_adj = false;
  SecurityOptions security;
  std::map<std::string, HandlerOptions> handlers;  // by name, as `runtimes`
};

}  // namespace crisp
