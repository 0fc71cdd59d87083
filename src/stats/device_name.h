// Names of block devices.
#pragma once

#include <string>

namespace crisp {

// "/dev/sda" (/sys/dev/block/MAJOR:MINOR/uevent), or "8:0" where the kernel has no name for the device.
std::string DeviceName(unsigned major, unsigned minor);

}  // namespace crisp
