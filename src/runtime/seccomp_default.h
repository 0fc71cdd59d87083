// The seccomp profile that RuntimeDefault means: what container engines let a container call by default, without what
// has since been found to be a way out (io_uring, AF_ALG sockets). Refused calls fail with EPERM.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace crisp {

// linux.seccomp of config.json, for a process whose bounding set is `capabilities` (bits as in runtime/capabilities.h)
// on a machine of this `architecture` (uname(2), machine).
nlohmann::json DefaultSeccomp(uint64_t capabilities, absl::string_view architecture);

// Every system call that the profile names, for tests.
std::vector<std::string> DefaultSeccompNames();

// "SCMP_ARCH_…" of `architecture`, its own first, then those whose programs its kernel runs as well. Empty for one
// that we do not know: the OCI runtime then filters the calls of the machine's own only.
std::vector<std::string> SeccompArchitectures(absl::string_view architecture);

// The name of `architecture` in Go's way ("amd64"), which profiles written for Docker have; empty if not known.
std::string GoArchitecture(absl::string_view architecture);

}  // namespace crisp
