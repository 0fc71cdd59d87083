// BaseSpec: what an administrator adds to the spec of every container of a runtime handler, by a file in the form of an
// OCI spec (base_runtime_spec in containerd's configuration; such files begin as the output of "ctr oci spec").
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

// Parts of an OCI spec as JSON text; empty: none. A plain value.
struct BaseSpec {
  std::string rlimits;  // "process.rlimits", of containers; pause containers have no use for them
  std::string hooks;    // "hooks", of containers and pause containers; they run before those of CDI devices
  bool operator==(const BaseSpec&) const = default;
};

// Takes rlimits and hooks from the file's `text`. What a CRI request or crisp decides for every container is passed
// over, and so is what "ctr oci spec" writes. Anything else is an error that names it, because it may be what confines
// the containers.
absl::StatusOr<BaseSpec> ParseBaseSpec(absl::string_view text);

}  // namespace crisp
