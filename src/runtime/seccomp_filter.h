// SeccompFilter: the program that the kernel runs for the linux.seccomp of an OCI spec, for processes that crisp puts
// into a running container by itself.
//
// It must decide as the filter of the container's first process does, which the OCI runtime has made: by libseccomp
// too, with the same rules. In front of it stands what runc puts there since 1.0.0-rc93: a system call with a number
// above all that the profile names is new to the profile, and fails with ENOSYS in place of the default action, so that
// programs fall back to older calls. e2e/native_exec_gate_test.cc holds both filters against each other.
#pragma once

#include <linux/filter.h>

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "absl/status/statusor.h"

namespace crisp {

using SeccompFilter = std::vector<sock_filter>;

// Unimplemented, with the reason, for what only the OCI runtime does: notifications, flags, other architectures.
absl::StatusOr<SeccompFilter> CompileSeccomp(const nlohmann::json& seccomp);

}  // namespace crisp
