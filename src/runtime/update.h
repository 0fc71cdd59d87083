// New limits for a container that exists: for the spec from which it will start, and for one that runs.
//
// Errors: InvalidArgument or Unimplemented naming the CRI field for limits that make no sense here; Internal for a
// damaged spec, and for what the OCI runtime or the kernel refused, in their own words.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"
#include "base/call.h"
#include "runtime/oci_runtime.h"
#include "runtime/spec.h"

namespace crisp {

// `limits` with every field of `change` that is set in place of its own: a number that is not 0, a text that is not
// empty, the huge pages of each size, each entry of `unified`.
cri::LinuxContainerResources MergeLimits(const cri::LinuxContainerResources& limits,
                                         const cri::LinuxContainerResources& change);

// A container's config.json, with these limits and nothing else changed. `field` is the path of `limits` in the
// request, for errors.
absl::StatusOr<std::string> WithLimits(const SpecContext& context, absl::string_view spec,
                                       const cri::LinuxContainerResources& limits, const std::string& field);

// Gives these limits to a running container: `update` of the OCI runtime, which runs as a child of the caller and is
// killed when `call` is over; then what runtimes do not update, written by crisp: huge pages, and the oom_score_adj of
// those processes that still have `old_limits`'. `spec` is that of WithLimits.
absl::Status UpdateRunning(const OciRuntime& runtime, const SpecContext& context, absl::string_view spec,
                           const cri::LinuxContainerResources& old_limits, const cri::LinuxContainerResources& limits,
                           const Call& call);

}  // namespace crisp
