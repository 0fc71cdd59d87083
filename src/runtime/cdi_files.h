// The CDI files of this node: looked up anew for each container that asks for a device, since vendors' tools write them
// at any time, and hardly any container asks.
//
// Threading: functions of the files; any thread. Errors: InvalidArgument naming the request's field for a device that
// is not there or a name that is none; Internal for files that cannot be read.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "runtime/cdi.h"

namespace crisp {

// The names that a container asks for: config.CDI_devices, then the annotations "cdi.k8s.io/…" (names with commas
// between), each once.
absl::StatusOr<std::vector<std::string>> CdiNamesOf(const cri::ContainerConfig& container);

// What they stand for. Of `directories` (absolute) the files *.json, *.yaml and *.yml are read; a device in a later
// directory hides that of an earlier one, two of a name in one directory are an error. A file that is no CDI file is an
// error only if a device is then missing; it is named in it. Device nodes are completed from the host's.
absl::StatusOr<CdiEdits> FindCdiDevices(const std::vector<std::string>& directories,
                                        const std::vector<std::string>& names);

}  // namespace crisp
