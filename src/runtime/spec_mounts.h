// "mounts" of config.json: those that every container has, those that its configuration asks for, in an order in which
// a parent comes before its children.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"
#include "api/cri/cri.h"
#include "runtime/spec.h"

namespace crisp {

nlohmann::json ContainerMounts(const SpecContext& context, const cri::ContainerConfig& container);

// /proc, /dev and /dev/shm: a pause container needs no more, and each further mount costs the start of a pod.
nlohmann::json SandboxMounts(const SpecContext& context);

// Mounts that the OCI runtime of this pod cannot make, by name. A text that begins with "RROUnsupported" for a
// recursive read-only one.
absl::Status CheckMountSupport(const SpecContext& context, const cri::ContainerConfig& container);

// linux.rootfsPropagation: "rshared" or "rslave" if a mount of the container asks for it, since under a private root no
// mount can be either; empty: the runtime's default.
std::string RootfsPropagation(const cri::ContainerConfig& container);

}  // namespace crisp
