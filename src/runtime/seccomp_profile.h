// Seccomp profiles of the node's operator: JSON files in the form of OCI's linux.seccomp (runtime-spec config-linux.md,
// "Seccomp"), or in Docker's form, which adds conditions on capabilities, architecture and kernel. A pure parser, whose
// result is OCI's form with the conditions evaluated.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

// The facts that conditions test.
struct SeccompHost {
  uint64_t capabilities = 0;  // of the process, bits as in runtime/capabilities.h
  std::string architecture;   // uname(2), machine
  int kernel_major = 0;
  int kernel_minor = 0;
};

// A profile has at most 1 MiB and 10,000 rules. It may name system calls that this kernel does not have, since machines
// share such files. InvalidArgument naming the place of an unknown key (a misspelt one would leave a hole), an unknown
// action or operator, or a number out of range.
absl::StatusOr<nlohmann::json> ParseSeccompProfile(absl::string_view text, const SeccompHost& host);

// The text of the file at `path` (absolute) on this host. InvalidArgument naming it if it does not exist, is not a
// regular file, or is too large.
absl::StatusOr<std::string> ReadSeccompProfile(const std::string& path);

}  // namespace crisp
