// Device nodes of the host: all of them for privileged containers, and those named by config.devices.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"

namespace crisp {

struct HostDevice {
  std::string path;
  char type = 'c';  // 'c' or 'b'
  int64_t major = 0;
  int64_t minor = 0;
  mode_t mode = 0;  // permission bits
  uint32_t uid = 0;
  uint32_t gid = 0;
};

// A device of config.devices.
struct ContainerDevice {
  HostDevice node;          // as on the host, except the path, which is that in the container
  std::string permissions;  // letters of "rwm"
};

// Reads the nodes below /dev, sorted by path. Left out: other file systems mounted there (pts, shm, mqueue, …);
// /dev/console, which the OCI runtime makes for a terminal; nodes that vanish meanwhile. Internal if /dev cannot be
// read.
absl::StatusOr<std::vector<HostDevice>> HostDevices();

// InvalidArgument for values that are invalid on any host. `field` is the path of `device`.
absl::Status CheckDevice(const cri::Device& device, absl::string_view field);

// Looks up `device` on the host: the node at its host path, links followed, or all nodes below it if that is a
// directory, at most 1,024. InvalidArgument naming the field if the path does not exist or is neither.
absl::StatusOr<std::vector<ContainerDevice>> FindDevices(const cri::Device& device, absl::string_view field);

}  // namespace crisp
