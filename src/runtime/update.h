// New limits for an existing container: in its spec, and in its cgroups if it runs.
//
// Errors: InvalidArgument naming the CRI field for limits that are invalid or that this node does not support; Internal
// for a damaged spec, or with the text of the OCI runtime or the kernel.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"
#include "runtime/host_facts.h"
#include "runtime/oci_runtime.h"

namespace crisp {

class CallContext;

// `limits`, overwritten by each field of `change` that is set: a number that is not 0, a text that is not empty, the
// huge pages of each size, each entry of `unified`.
cri::LinuxContainerResources MergeLimits(const cri::LinuxContainerResources& limits,
                                         const cri::LinuxContainerResources& change);

// A container's config.json with these limits and everything else unchanged. `field` is the path of `limits` in the
// request, for errors.
absl::StatusOr<std::string> WithLimits(const HostFacts& host, absl::string_view spec,
                                       const cri::LinuxContainerResources& limits, const std::string& field);

// Gives these limits to a running container. Calls `update` of the OCI runtime as a child process, which is killed when
// `call` is over; then writes what runtimes do not update: huge pages, and the oom_score_adj of the processes that
// still have that of `old_limits`. `spec` is the result of WithLimits.
absl::Status UpdateRunning(const OciRuntime& runtime, const HostFacts& host, const std::string& container_id,
                           absl::string_view spec, const cri::LinuxContainerResources& old_limits,
                           const cri::LinuxContainerResources& limits, const CallContext& call);

}  // namespace crisp
