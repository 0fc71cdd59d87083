// FindAnyPod: a pod as a person names it, also one that clients do not see yet, or no more.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "sandbox/pod_table.h"

namespace crisp {

// `name` is an id, the beginning of one that no other has, or NAMESPACE/NAME, which means the youngest of that name.
// NotFound, or InvalidArgument for the beginning of several ids, whose text names them.
absl::StatusOr<PodPtr> FindAnyPod(const PodTable& table, const std::string& name);

}  // namespace crisp
