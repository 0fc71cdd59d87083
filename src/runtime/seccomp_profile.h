// Seccomp profiles that a node's operator wrote: files of JSON in the form of OCI's linux.seccomp (runtime-spec
// config-linux.md, "Seccomp"), or in Docker's, which adds conditions on capabilities, architecture and kernel. A pure
// parser: what comes out is OCI's form with the conditions decided.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

// What the conditions are about.
struct SeccompHost {
  uint64_t capabilities = 0;  // of the process, bits as in runtime/capabilities.h
  std::string architecture;   // uname(2), machine
  int kernel_major = 0;
  int kernel_minor = 0;
};

// A profile is at most 1 MiB, with at most 10,000 rules; what it names may be unknown to this kernel, as it is to other
// machines that share the file. InvalidArgument saying where it is wrong: a key that nobody knows (a misspelt one would
// leave a hole), an action or operator that there is not, a number that does not fit.
absl::StatusOr<nlohmann::json> ParseSeccompProfile(absl::string_view text, const SeccompHost& host);

// The file that `path`, absolute, names on this host. InvalidArgument naming it if there is none, if it is no regular
// file, or too large.
absl::StatusOr<std::string> ReadSeccompProfile(const std::string& path);

}  // namespace crisp
