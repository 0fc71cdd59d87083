// The CDI files of this node. They are read anew for each container that requests a device, since vendors' tools write
// them at any time.
//
// Threading: any thread. Errors: InvalidArgument naming the request's field for an unknown device or a malformed name;
// Internal for files that cannot be read.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "runtime/cdi.h"

namespace crisp {

// The requested device names: config.CDI_devices, then the annotations "cdi.k8s.io/…" (comma-separated), without
// duplicates.
absl::StatusOr<std::vector<std::string>> CdiNamesOf(const cri::ContainerConfig& container);

// The edits of these devices. Reads *.json, *.yaml and *.yml in `directories` (absolute). A device in a later directory
// hides that of an earlier one; two of one name in one directory are an error. An invalid file is an error only if a
// device is missing, whose error then names the file. Device nodes are completed from the host's.
absl::StatusOr<CdiEdits> FindCdiDevices(const std::vector<std::string>& directories,
                                        const std::vector<std::string>& names);

}  // namespace crisp
