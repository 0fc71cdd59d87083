// The seccomp profile of RuntimeDefault: the system calls that container engines allow by default, without those that
// have since been used to break out (io_uring; AF_ALG sockets, but for 32-bit system calls). Refused calls fail with
// EPERM.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace crisp {

// linux.seccomp of config.json for a process with this bounding set (bits as in runtime/capabilities.h) on a machine of
// this `architecture` (uname(2), machine).
nlohmann::json DefaultSeccomp(uint64_t capabilities, absl::string_view architecture);

// Every system call that the profile names, for tests.
std::vector<std::string> DefaultSeccompNames();

// "SCMP_ARCH_…" of `architecture`, then of the other architectures whose programs its kernel runs. Empty for an unknown
// one: the OCI runtime then filters the calls of the native architecture only.
std::vector<std::string> SeccompArchitectures(absl::string_view architecture);

// Go's name of `architecture` ("amd64"), as in profiles written for Docker; empty if unknown.
std::string GoArchitecture(absl::string_view architecture);

}  // namespace crisp
