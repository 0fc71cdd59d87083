// Readings as CRI's messages show them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/cri/cri.h"
#include "os/link_stats.h"
#include "stats/layer_usage.h"
#include "stats/meter.h"

namespace crisp {

// Fields that were not read stay unset. Percentages of pressure are as the kernel gives them, its totals nanoseconds.
void FillCpu(const MeterReading& reading, cri::CpuUsage* message);
void FillMemory(const MeterReading& reading, cri::MemoryUsage* message);
void FillSwap(const MeterReading& reading, cri::SwapUsage* message);
void FillIo(const MeterReading& reading, cri::IoUsage* message);

// All that a container uses; nothing that it does not have a reading of.
void FillUsage(const MeterReading& reading, cri::ContainerStats* message);
// The same for a pod as a whole, without its network.
void FillPodUsage(const MeterReading& reading, cri::LinuxPodSandboxStats* message);
void FillLayer(const LayerSample& layer, const std::string& mountpoint, cri::FilesystemUsage* message);
// Without the loopback. `default_interface` is the name of the one that Kubernetes knows.
void FillNetwork(const std::vector<LinkReading>& links, const std::string& default_interface, int64_t at,
                 cri::NetworkUsage* message);

// Adds what is counted in both; limits and pressures of several cgroups have no sum.
void AddUsage(const MeterReading& part, MeterReading* sum);

}  // namespace crisp
