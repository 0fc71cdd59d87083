// The OCI runtime of a pod, on record: a pod keeps the runtime that it was made on, whatever the configuration says
// later.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "runtime/oci_runtime.h"

namespace crisp {

class PodRecord;
class RuntimeHandlers;

// `handler` as the request names it; empty: the default one. InvalidArgument if it is not configured.
absl::StatusOr<OciRuntime> ChooseRuntime(const RuntimeHandlers& handlers, const std::string& handler,
                                         PodRecord* record);

// What the record says. Where that program is not installed any more, the one that the configuration now has for the
// handler, with the recorded root: the pod's containers are known there. The same for a record of crisp 0.1, which does
// not say it. InvalidArgument if the handler is not configured either.
absl::StatusOr<OciRuntime> RecordedRuntime(const RuntimeHandlers& handlers, const PodRecord& record);

// The name of the pod's handler; empty: the default one of a record of crisp 0.1.
std::string HandlerNameOf(const PodRecord& record);

}  // namespace crisp
