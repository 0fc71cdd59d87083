// The devices of config.json: "linux.devices" (nodes) and "linux.resources.devices" (rules of the device cgroup).
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "runtime/container_context.h"
#include "runtime/user.h"

namespace crisp {

// The nodes that config.devices and CDI ask for, and for a privileged container the host's, sorted by path. A node of
// CDI belongs to `user` where the CDI file names no owner. The OCI runtime adds those of runtime-spec's "Default
// Devices" itself.
nlohmann::json DeviceNodes(const ContainerContext& context, const ResolvedUser& user, bool privileged);

// The rules of a container: the standard ones and its own devices; everything for a privileged container, unless the
// runtime handler forbids it.
nlohmann::json DeviceRules(const ContainerContext& context, bool privileged);

// Allows null, zero, full, random, urandom, tty, ptmx and /dev/pts. A container may make any node (if it has CAP_MKNOD)
// but open none of the others.
nlohmann::json StandardDeviceRules();

}  // namespace crisp
