// The programs that crispd runs: where they are.
//
// Plain functions, callable from any thread. FailedPrecondition, saying what to do, if there is no such program.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace crisp {

// `name` as an absolute path: itself, or the first of that name in PATH.
absl::StatusOr<std::string> FindProgram(const std::string& name);

inline constexpr char kDefaultRuntimeProgram[] = "runc";  // where a runtime's BinaryName is empty

// `configured` (crisp.shim), or else crisp-shim beside this process' program, or in PATH.
absl::StatusOr<std::string> FindShim(const std::string& configured);

}  // namespace crisp
