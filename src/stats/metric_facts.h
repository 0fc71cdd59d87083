// What metrics of pods and containers are made from: everything that was read of each, under its names. Both views of
// the metrics, CRI's messages (stats/metrics.h) and Prometheus' text (stats/metric_text.h), are made from these.
//
// Plain values and functions, callable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/cri/cri.h"
#include "os/cgroup_reader.h"
#include "os/link_stats.h"
#include "stats/layer_disk.h"
#include "stats/layer_usage.h"
#include "stats/process_usage.h"
#include "stats/sampler.h"

namespace crisp {

// Of a pod as a whole, container, image and name are empty.
struct MetricLabels {
  std::string container;
  std::string id;  // path of the cgroup
  std::string image;
  std::string name;  // the container's id
  std::string pod_namespace;
  std::string pod;
};

// I/O on one block device, with the device's names.
struct DeviceIo {
  CgroupDeviceIo io;
  std::string device;  // "/dev/sda", or "8:0" where the kernel has no name for it
  std::string major;
  std::string minor;
};

// The writable layer of a container.
struct LayerFacts {
  LayerSample sample;
  LayerFileSystem file_system;
};

// The limits that a container was given; 0: none.
struct LimitFacts {
  std::optional<uint64_t> cpu_quota;  // microseconds a period; not set: none
  uint64_t cpu_period = 0;            // microseconds
  uint64_t cpu_shares = 0;
  uint64_t memory = 0;  // bytes, as the next two
  uint64_t memory_and_swap = 0;
  uint64_t memory_reservation = 0;
};

// Output that a container's log lacks.
struct LostOutput {
  uint64_t bytes = 0;
  uint64_t lines = 0;
};

// Of a container or of a pod as a whole. What was not read gives no metrics.
struct MetricFacts {
  MetricLabels labels;
  int64_t at = 0;  // wall-clock nanoseconds
  std::optional<CgroupUsage> usage;
  std::optional<CgroupDetails> details;
  std::vector<DeviceIo> devices;
  std::vector<LinkReading> links;  // without the loopback
  std::optional<ProcessUsage> processes;
  std::optional<uint64_t> descriptor_limit;  // of the first process
  std::optional<LayerFacts> layer;
  std::optional<LimitFacts> limits;
  std::optional<LostOutput> lost;
  std::optional<uint64_t> started_at;  // seconds since 1970
};

struct PodMetricFacts {
  std::string id;
  MetricFacts pod;
  std::vector<MetricFacts> containers;
};

// In the order of `samples`, with the containers that have a reading. `layers` is the file system of the writable
// layers. Reads the details of each container by `sampler`, and what its processes have open.
std::vector<PodMetricFacts> FactsOf(Sampler* sampler, const std::vector<PodSample>& samples,
                                    const LayerFileSystem& layers);

LimitFacts LimitsOf(const cri::LinuxContainerResources& limits);

}  // namespace crisp
