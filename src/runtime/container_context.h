// ContainerContext: what was looked up or made on the host for one container right before its spec is built. A plain
// value. For a pause container only the id, the image's name and the seccomp profile are set.
#pragma once

#include <string>
#include <vector>

#include "runtime/cdi.h"
#include "runtime/devices.h"

namespace crisp {

// A volume that the image's configuration declares.
struct ImageVolume {
  std::string host_path;  // a directory made for this container
  std::string container_path;
};

struct ContainerContext {
  std::string id;               // 64 hexadecimal digits; for a pause container, that of its pod
  std::string image_name;       // as people know it: a reference rather than an id
  std::string seccomp_profile;  // the text of the file that the security context names; empty if it names none

  std::vector<ContainerDevice> devices;  // config.devices (FindDevices)
  CdiEdits cdi;                          // config.CDI_devices (FindCdiDevices)
  std::vector<ImageVolume> volumes;

  // For privileged containers only.
  std::vector<HostDevice> host_devices;  // nodes that it gets (HostDevices)
  bool all_devices_allowed = true;       // it may use any device, also one that it makes the node of
};

}  // namespace crisp
