// config.devices: the nodes of the host that a container is to have.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"
#include "runtime/spec.h"

namespace crisp {

// What makes no sense on any host. `field` is the path of `device`.
absl::Status CheckDevice(const cri::Device& device, absl::string_view field);

// (host) The nodes behind `device`: that of its host path, links followed, or all below it if it is a directory, at
// most 1,024. InvalidArgument naming the field if there is none, or the path is neither.
absl::StatusOr<std::vector<ContainerDevice>> FindDevices(const cri::Device& device, absl::string_view field);

}  // namespace crisp
