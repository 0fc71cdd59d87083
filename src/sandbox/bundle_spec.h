// The spec in a container's bundle.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "store/layout.h"

namespace crisp {

// The text of config.json, of at most 8 MiB.
absl::StatusOr<std::string> ReadBundleSpec(const Layout& layout, const std::string& pod_id,
                                           const std::string& container_id);

}  // namespace crisp
