// A pod's user namespace, as far as the host has to know of it: whose are the files that its containers see.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "api/cri/cri.h"
#include "os/user_namespace.h"
#include "store/layout.h"

namespace crisp {

// Its maps; nullopt for a pod without one.
std::optional<IdMap> IdMapOf(const cri::PodSandboxConfig& config);

// Lets the pod's root pass to what is mounted for it in the pod's directory, and gives it the pod's files: they are not
// mounted shifted, since not every file system below /run could be.
absl::Status GivePodToItsRoot(const Layout& layout, const std::string& pod_id, const IdMap& map);

// Lets the pod's root pass to what is mounted for it in a directory of the container's.
absl::Status LetRootPass(const std::string& directory, const IdMap& map);

}  // namespace crisp
