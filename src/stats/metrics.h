// Metrics of pods and containers for ListPodSandboxMetrics, under the names, units and labels that the kubelet's
// cAdvisor gives them, so that nobody's dashboards have to change. Values are whole numbers in CRI: seconds are cut.
//
// One table says what there is. A metric's label values stand in the order of its descriptor.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "api/cri/cri.h"
#include "os/link_stats.h"
#include "stats/layer_usage.h"
#include "stats/meter.h"
#include "stats/process_usage.h"

namespace crisp {

enum class MetricId {
  kCpuUsage,
  kCpuUser,
  kCpuSystem,
  kCpuPeriods,
  kCpuThrottledPeriods,
  kCpuThrottled,
  kMemoryUsage,
  kMemoryWorkingSet,
  kMemoryRss,
  kMemoryCache,
  kMemoryMappedFile,
  kMemoryActiveFile,
  kMemoryInactiveFile,
  kMemoryKernel,
  kMemorySwap,
  kMemoryPeak,
  kMemoryLimitHits,
  kMemoryFaults,
  kOomEvents,
  kLogLostBytes,
  kLogLostLines,
  kFsUsage,
  kFsLimit,
  kFsInodesTotal,
  kFsInodesFree,
  kFsReadBytes,
  kFsWrittenBytes,
  kFsReads,
  kFsWrites,
  kFsSectorReads,
  kFsSectorWrites,
  kFsReadsMerged,
  kFsWritesMerged,
  kFsReadTime,
  kFsWriteTime,
  kFsIoCurrent,
  kFsIoTime,
  kFsIoTimeWeighted,
  kBlockDeviceUsage,
  kReceivedBytes,
  kReceivedPackets,
  kReceivedDropped,
  kReceiveErrors,
  kSentBytes,
  kSentPackets,
  kSentDropped,
  kSendErrors,
  kProcesses,
  kThreads,
  kThreadsLimit,
  kFileDescriptors,
  kSockets,
  kUlimit,
  kPressureCpuWaiting,
  kPressureCpuStalled,
  kPressureMemoryWaiting,
  kPressureMemoryStalled,
  kPressureIoWaiting,
  kPressureIoStalled,
  kSpecCpuPeriod,
  kSpecCpuQuota,
  kSpecCpuShares,
  kSpecMemoryLimit,
  kSpecMemoryReservation,
  kSpecMemorySwapLimit,
  kStartTime,
  kLastSeen,
  kCount,
};

std::vector<cri::MetricDescriptor> MetricDescriptors();

// What every metric is labelled with, in the order of the descriptors. Of a pod as a whole, container, image and name
// are empty.
struct MetricLabels {
  std::string container;
  std::string id;  // path of the cgroup
  std::string image;
  std::string name;  // the container's id
  std::string pod_namespace;
  std::string pod;
};

// The file system of the writable layers.
struct LayerFileSystem {
  std::string device;
  uint64_t bytes = 0;
  uint64_t inodes = 0;
  uint64_t free_inodes = 0;
};
// Zeros where the kernel does not tell.
LayerFileSystem FileSystemOf(const std::string& directory);

class MetricWriter {
 public:
  using Target = google::protobuf::RepeatedPtrField<cri::Metric>;

  // `target` outlives the writer. `at` is in wall-clock nanoseconds.
  MetricWriter(const MetricLabels& labels, int64_t at, Target* target);

  // `extra` are the values of the metric's own labels.
  void Add(MetricId id, uint64_t value, std::initializer_list<absl::string_view> extra = {});
  // Nothing if there is no value.
  void Add(MetricId id, const std::optional<uint64_t>& value, std::initializer_list<absl::string_view> extra = {});

  void AddUsage(const CgroupUsage& usage);
  void AddDetails(const CgroupDetails& details);
  void AddLinks(const std::vector<LinkReading>& links);
  void AddLayer(const LayerSample& layer, const LayerFileSystem& file_system);
  void AddLimits(const cri::LinuxContainerResources& limits);
  // `descriptor_limit` is that of the first process.
  void AddProcesses(const ProcessUsage& usage, const std::optional<uint64_t>& descriptor_limit);

 private:
  void AddMemory(const CgroupMemory& memory);
  void AddPressure(MetricId waiting, MetricId stalled, const std::optional<CgroupPressure>& pressure);

  const std::vector<std::string> labels_;
  const int64_t at_;
  Target* const target_;
};

}  // namespace crisp
