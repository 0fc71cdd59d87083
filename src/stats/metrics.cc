#include "stats/metrics.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr uint64_t kNanos = 1'000'000'000;
constexpr uint64_t kMicros = 1'000'000;

struct MetricInfo {
  MetricId id;
  const char* name;
  const char* help;
  cri::MetricType type;
  std::array<const char*, 4> labels = {};  // besides those that all have
};

constexpr std::array<const char*, 6> kCommonLabels = {"container", "id", "image", "name", "namespace", "pod"};

// In the order of MetricId.
constexpr std::array<MetricInfo, static_cast<size_t>(MetricId::kCount)> kMetrics = {{
    {MetricId::kCpuUsage, "container_cpu_usage_seconds_total", "CPU time used, in seconds.", cri::COUNTER, {"cpu"}},
    {MetricId::kCpuUser, "container_cpu_user_seconds_total", "CPU time used in user mode, in seconds.", cri::COUNTER},
    {MetricId::kCpuSystem, "container_cpu_system_seconds_total", "CPU time used in the kernel, in seconds.",
     cri::COUNTER},
    {MetricId::kCpuPeriods, "container_cpu_cfs_periods_total", "Periods of the CPU quota that have passed.",
     cri::COUNTER},
    {MetricId::kCpuThrottledPeriods, "container_cpu_cfs_throttled_periods_total",
     "Periods in which the CPU quota was used up.", cri::COUNTER},
    {MetricId::kCpuThrottled, "container_cpu_cfs_throttled_seconds_total",
     "Time for which the CPU quota was used up, in seconds.", cri::COUNTER},
    {MetricId::kMemoryUsage, "container_memory_usage_bytes", "Memory in use, whenever it was last accessed.",
     cri::GAUGE},
    {MetricId::kMemoryWorkingSet, "container_memory_working_set_bytes",
     "Memory in use without inactive pages of files.", cri::GAUGE},
    {MetricId::kMemoryRss, "container_memory_rss", "Anonymous memory, in bytes.", cri::GAUGE},
    {MetricId::kMemoryCache, "container_memory_cache", "Pages of files, in bytes.", cri::GAUGE},
    {MetricId::kMemoryMappedFile, "container_memory_mapped_file", "Mapped pages of files, in bytes.", cri::GAUGE},
    {MetricId::kMemoryActiveFile, "container_memory_total_active_file_bytes", "Active pages of files, in bytes.",
     cri::GAUGE},
    {MetricId::kMemoryInactiveFile, "container_memory_total_inactive_file_bytes", "Inactive pages of files, in bytes.",
     cri::GAUGE},
    {MetricId::kMemoryKernel, "container_memory_kernel_usage", "Memory of the kernel, in bytes.", cri::GAUGE},
    {MetricId::kMemorySwap, "container_memory_swap", "Swap in use, in bytes.", cri::GAUGE},
    {MetricId::kMemoryPeak, "container_memory_max_usage_bytes", "The most memory that was in use.", cri::GAUGE},
    {MetricId::kMemoryLimitHits, "container_memory_failcnt", "How often the memory limit was hit.", cri::COUNTER},
    {MetricId::kMemoryFaults,
     "container_memory_failures_total",
     "Page faults.",
     cri::COUNTER,
     {"failure_type", "scope"}},
    {MetricId::kOomEvents, "container_oom_events_total", "Processes that the OOM killer has killed.", cri::COUNTER},
    {MetricId::kLogLostBytes, "container_log_lost_bytes_total",
     "Output that is missing in the log, because the log could not be written, in bytes.", cri::COUNTER},
    {MetricId::kLogLostLines, "container_log_lost_lines_total", "Lines of that output.", cri::COUNTER},
    {MetricId::kFsUsage, "container_fs_usage_bytes", "What the writable layer takes.", cri::GAUGE, {"device"}},
    {MetricId::kFsLimit, "container_fs_limit_bytes", "Size of its file system.", cri::GAUGE, {"device"}},
    {MetricId::kFsInodesTotal, "container_fs_inodes_total", "Inodes of its file system.", cri::GAUGE, {"device"}},
    {MetricId::kFsInodesFree, "container_fs_inodes_free", "Free inodes of its file system.", cri::GAUGE, {"device"}},
    {MetricId::kFsReadBytes, "container_fs_reads_bytes_total", "Bytes read from devices.", cri::COUNTER, {"device"}},
    {MetricId::kFsWrittenBytes,
     "container_fs_writes_bytes_total",
     "Bytes written to devices.",
     cri::COUNTER,
     {"device"}},
    {MetricId::kFsReads, "container_fs_reads_total", "Reads from devices.", cri::COUNTER, {"device"}},
    {MetricId::kFsWrites, "container_fs_writes_total", "Writes to devices.", cri::COUNTER, {"device"}},
    // Linux counts the following for whole devices only, not by cgroup. cAdvisor has them for a container's file system
    // all the same, with the value 0.
    {MetricId::kFsSectorReads,
     "container_fs_sector_reads_total",
     "Sectors read; not counted.",
     cri::COUNTER,
     {"device"}},
    {MetricId::kFsSectorWrites,
     "container_fs_sector_writes_total",
     "Sectors written; not counted.",
     cri::COUNTER,
     {"device"}},
    {MetricId::kFsReadsMerged,
     "container_fs_reads_merged_total",
     "Reads merged; not counted.",
     cri::COUNTER,
     {"device"}},
    {MetricId::kFsWritesMerged,
     "container_fs_writes_merged_total",
     "Writes merged; not counted.",
     cri::COUNTER,
     {"device"}},
    {MetricId::kFsReadTime, "container_fs_read_seconds_total", "Time of reads; not counted.", cri::COUNTER, {"device"}},
    {MetricId::kFsWriteTime,
     "container_fs_write_seconds_total",
     "Time of writes; not counted.",
     cri::COUNTER,
     {"device"}},
    {MetricId::kFsIoCurrent, "container_fs_io_current", "I/O in progress; not counted.", cri::GAUGE, {"device"}},
    {MetricId::kFsIoTime, "container_fs_io_time_seconds_total", "Time of I/O; not counted.", cri::COUNTER, {"device"}},
    {MetricId::kFsIoTimeWeighted,
     "container_fs_io_time_weighted_seconds_total",
     "Weighted time of I/O; not counted.",
     cri::COUNTER,
     {"device"}},
    {MetricId::kBlockDeviceUsage,
     "container_blkio_device_usage_total",
     "Bytes read from and written to devices, by operation.",
     cri::COUNTER,
     {"device", "major", "minor", "operation"}},
    {MetricId::kReceivedBytes, "container_network_receive_bytes_total", "Bytes received.", cri::COUNTER, {"interface"}},
    {MetricId::kReceivedPackets,
     "container_network_receive_packets_total",
     "Packets received.",
     cri::COUNTER,
     {"interface"}},
    {MetricId::kReceivedDropped,
     "container_network_receive_packets_dropped_total",
     "Packets dropped on their way in.",
     cri::COUNTER,
     {"interface"}},
    {MetricId::kReceiveErrors,
     "container_network_receive_errors_total",
     "Errors while receiving.",
     cri::COUNTER,
     {"interface"}},
    {MetricId::kSentBytes, "container_network_transmit_bytes_total", "Bytes sent.", cri::COUNTER, {"interface"}},
    {MetricId::kSentPackets, "container_network_transmit_packets_total", "Packets sent.", cri::COUNTER, {"interface"}},
    {MetricId::kSentDropped,
     "container_network_transmit_packets_dropped_total",
     "Packets dropped on their way out.",
     cri::COUNTER,
     {"interface"}},
    {MetricId::kSendErrors,
     "container_network_transmit_errors_total",
     "Errors while sending.",
     cri::COUNTER,
     {"interface"}},
    {MetricId::kProcesses, "container_processes", "Processes.", cri::GAUGE},
    {MetricId::kThreads, "container_threads", "Threads.", cri::GAUGE},
    {MetricId::kThreadsLimit, "container_threads_max", "The most threads that there may be; 0: no limit.", cri::GAUGE},
    {MetricId::kFileDescriptors, "container_file_descriptors", "Open file descriptors.", cri::GAUGE},
    {MetricId::kSockets, "container_sockets", "Open sockets.", cri::GAUGE},
    {MetricId::kUlimit,
     "container_ulimits_soft",
     "Soft limits of the container's first process.",
     cri::GAUGE,
     {"ulimit"}},
    {MetricId::kPressureCpuWaiting, "container_pressure_cpu_waiting_seconds_total",
     "Time in which some task waited for a CPU, in seconds.", cri::COUNTER},
    {MetricId::kPressureCpuStalled, "container_pressure_cpu_stalled_seconds_total",
     "Time in which all tasks waited for a CPU, in seconds.", cri::COUNTER},
    {MetricId::kPressureMemoryWaiting, "container_pressure_memory_waiting_seconds_total",
     "Time in which some task waited for memory, in seconds.", cri::COUNTER},
    {MetricId::kPressureMemoryStalled, "container_pressure_memory_stalled_seconds_total",
     "Time in which all tasks waited for memory, in seconds.", cri::COUNTER},
    {MetricId::kPressureIoWaiting, "container_pressure_io_waiting_seconds_total",
     "Time in which some task waited for input or output, in seconds.", cri::COUNTER},
    {MetricId::kPressureIoStalled, "container_pressure_io_stalled_seconds_total",
     "Time in which all tasks waited for input or output, in seconds.", cri::COUNTER},
    {MetricId::kSpecCpuPeriod, "container_spec_cpu_period", "Period of the CPU quota, in microseconds.", cri::GAUGE},
    {MetricId::kSpecCpuQuota, "container_spec_cpu_quota", "CPU quota, in microseconds a period.", cri::GAUGE},
    {MetricId::kSpecCpuShares, "container_spec_cpu_shares", "CPU shares.", cri::GAUGE},
    {MetricId::kSpecMemoryLimit, "container_spec_memory_limit_bytes", "Memory limit; 0: none.", cri::GAUGE},
    {MetricId::kSpecMemoryReservation, "container_spec_memory_reservation_limit_bytes",
     "Memory that is kept for it; 0: none.", cri::GAUGE},
    {MetricId::kSpecMemorySwapLimit, "container_spec_memory_swap_limit_bytes",
     "Limit on memory and swap together; 0: none.", cri::GAUGE},
    {MetricId::kStartTime, "container_start_time_seconds", "When it was started, in seconds since 1970.", cri::GAUGE},
    {MetricId::kLastSeen, "container_last_seen", "When this was measured, in seconds since 1970.", cri::GAUGE},
}};

constexpr bool InOrder() {
  for (size_t i = 0; i < kMetrics.size(); ++i) {
    if (kMetrics[i].id != static_cast<MetricId>(i)) return false;
  }
  return true;
}
static_assert(InOrder());

uint64_t Positive(int64_t value) {
  return value > 0 ? static_cast<uint64_t>(value) : 0;
}

std::optional<uint64_t> Seconds(const std::optional<uint64_t>& nanos) {
  return nanos ? std::optional<uint64_t>(*nanos / kNanos) : std::nullopt;
}

// "/dev/sda", or "8:0" where the kernel has no name for it.
std::string DeviceName(unsigned major, unsigned minor) {
  const std::string number = absl::StrCat(major, ":", minor);
  const auto facts = ReadFileAt(AT_FDCWD, absl::StrCat("/sys/dev/block/", number, "/uevent"), 4096);
  if (!facts.ok()) return number;
  for (absl::string_view line : absl::StrSplit(*facts, '\n')) {
    if (absl::StartsWith(line, "DEVNAME=")) return absl::StrCat("/dev/", line.substr(8));
  }
  return number;
}

}  // namespace

std::vector<cri::MetricDescriptor> MetricDescriptors() {
  std::vector<cri::MetricDescriptor> descriptors;
  descriptors.reserve(kMetrics.size());
  for (const MetricInfo& info : kMetrics) {
    cri::MetricDescriptor& descriptor = descriptors.emplace_back();
    descriptor.set_name(info.name);
    descriptor.set_help(info.help);
    for (const char* label : kCommonLabels) descriptor.add_label_keys(label);
    for (const char* label : info.labels) {
      if (label != nullptr) descriptor.add_label_keys(label);
    }
  }
  return descriptors;
}

LayerFileSystem FileSystemOf(const std::string& directory) {
  LayerFileSystem result;
  struct stat info {};
  if (stat(directory.c_str(), &info) == 0) result.device = DeviceName(major(info.st_dev), minor(info.st_dev));
  struct statvfs size {};
  if (statvfs(directory.c_str(), &size) == 0) {
    result.bytes = size.f_blocks * size.f_frsize;
    result.inodes = size.f_files;
    result.free_inodes = size.f_ffree;
  }
  return result;
}

MetricWriter::MetricWriter(const MetricLabels& labels, int64_t at, Target* target)
    : labels_{labels.container, labels.id, labels.image, labels.name, labels.pod_namespace, labels.pod},
      at_(at),
      target_(target) {}

void MetricWriter::Add(MetricId id, uint64_t value, std::initializer_list<absl::string_view> extra) {
  const MetricInfo& info = kMetrics[static_cast<size_t>(id)];
  cri::Metric& metric = *target_->Add();
  metric.set_name(info.name);
  metric.set_timestamp(at_);
  metric.set_metric_type(info.type);
  metric.mutable_value()->set_value(value);
  for (const std::string& label : labels_) metric.add_label_values(label);
  for (absl::string_view label : extra) metric.add_label_values(std::string(label));
}

void MetricWriter::Add(MetricId id, const std::optional<uint64_t>& value,
                       std::initializer_list<absl::string_view> extra) {
  if (value) Add(id, *value, extra);
}

void MetricWriter::AddUsage(const CgroupUsage& usage) {
  Add(MetricId::kCpuUsage, Seconds(usage.cpu_nanos), {"total"});
  if (usage.memory) AddMemory(*usage.memory);
  Add(MetricId::kThreads, usage.tasks);
  AddPressure(MetricId::kPressureCpuWaiting, MetricId::kPressureCpuStalled, usage.cpu_pressure);
  AddPressure(MetricId::kPressureMemoryWaiting, MetricId::kPressureMemoryStalled, usage.memory_pressure);
  AddPressure(MetricId::kPressureIoWaiting, MetricId::kPressureIoStalled, usage.io_pressure);
}

void MetricWriter::AddMemory(const CgroupMemory& memory) {
  Add(MetricId::kMemoryUsage, memory.usage);
  Add(MetricId::kMemoryWorkingSet, memory.WorkingSet());
  Add(MetricId::kMemoryRss, memory.rss);
  Add(MetricId::kMemoryCache, memory.file);
  Add(MetricId::kMemoryMappedFile, memory.mapped_file);
  Add(MetricId::kMemoryActiveFile, memory.active_file);
  Add(MetricId::kMemoryInactiveFile, memory.inactive_file);
  Add(MetricId::kMemorySwap, memory.swap);
  // What is counted is of the whole cgroup; there are no others below a container's.
  for (const char* scope : {"container", "hierarchy"}) {
    Add(MetricId::kMemoryFaults, memory.page_faults, {"pgfault", scope});
    Add(MetricId::kMemoryFaults, memory.major_page_faults, {"pgmajfault", scope});
  }
}

void MetricWriter::AddPressure(MetricId waiting, MetricId stalled, const std::optional<CgroupPressure>& pressure) {
  if (!pressure) return;
  Add(waiting, pressure->some.total_micros / kMicros);
  Add(stalled, pressure->full.total_micros / kMicros);
}

void MetricWriter::AddDetails(const CgroupDetails& details) {
  Add(MetricId::kCpuUser, Seconds(details.cpu_user_nanos));
  Add(MetricId::kCpuSystem, Seconds(details.cpu_system_nanos));
  Add(MetricId::kCpuPeriods, details.cpu_periods);
  Add(MetricId::kCpuThrottledPeriods, details.cpu_throttled_periods);
  Add(MetricId::kCpuThrottled, Seconds(details.cpu_throttled_nanos));
  Add(MetricId::kMemoryKernel, details.kernel_memory);
  Add(MetricId::kMemoryPeak, details.memory_peak);
  Add(MetricId::kMemoryLimitHits, details.memory_limit_hits);
  Add(MetricId::kOomEvents, details.oom_kills);
  Add(MetricId::kProcesses, details.processes);
  Add(MetricId::kThreadsLimit, details.tasks_limit.value_or(0));
  for (const CgroupDeviceIo& io : details.io) {
    const std::string device = DeviceName(io.major, io.minor);
    Add(MetricId::kFsReadBytes, io.read_bytes, {device});
    Add(MetricId::kFsWrittenBytes, io.written_bytes, {device});
    Add(MetricId::kFsReads, io.reads, {device});
    Add(MetricId::kFsWrites, io.writes, {device});
    const std::string major = absl::StrCat(io.major);
    const std::string minor = absl::StrCat(io.minor);
    for (const auto& [operation, bytes] : io.bytes) {
      Add(MetricId::kBlockDeviceUsage, bytes, {device, major, minor, operation});
    }
  }
}

void MetricWriter::AddLinks(const std::vector<LinkReading>& links) {
  for (const LinkReading& link : links) {
    if (link.loopback) continue;
    Add(MetricId::kReceivedBytes, link.rx_bytes, {link.name});
    Add(MetricId::kReceivedPackets, link.rx_packets, {link.name});
    Add(MetricId::kReceivedDropped, link.rx_dropped, {link.name});
    Add(MetricId::kReceiveErrors, link.rx_errors, {link.name});
    Add(MetricId::kSentBytes, link.tx_bytes, {link.name});
    Add(MetricId::kSentPackets, link.tx_packets, {link.name});
    Add(MetricId::kSentDropped, link.tx_dropped, {link.name});
    Add(MetricId::kSendErrors, link.tx_errors, {link.name});
  }
}

void MetricWriter::AddLayer(const LayerSample& layer, const LayerFileSystem& file_system) {
  const std::string& device = file_system.device;
  Add(MetricId::kFsUsage, layer.usage.bytes, {device});
  Add(MetricId::kFsLimit, file_system.bytes, {device});
  Add(MetricId::kFsInodesTotal, file_system.inodes, {device});
  Add(MetricId::kFsInodesFree, file_system.free_inodes, {device});
  for (const MetricId id : {MetricId::kFsSectorReads, MetricId::kFsSectorWrites, MetricId::kFsReadsMerged,
                            MetricId::kFsWritesMerged, MetricId::kFsReadTime, MetricId::kFsWriteTime,
                            MetricId::kFsIoCurrent, MetricId::kFsIoTime, MetricId::kFsIoTimeWeighted}) {
    Add(id, uint64_t{0}, {device});
  }
}

void MetricWriter::AddProcesses(const ProcessUsage& usage, const std::optional<uint64_t>& descriptor_limit) {
  Add(MetricId::kFileDescriptors, usage.descriptors);
  Add(MetricId::kSockets, usage.sockets);
  Add(MetricId::kUlimit, descriptor_limit, {"max_open_files"});
}

void MetricWriter::AddLimits(const cri::LinuxContainerResources& limits) {
  Add(MetricId::kSpecCpuPeriod, Positive(limits.cpu_period()));
  if (limits.cpu_quota() > 0) Add(MetricId::kSpecCpuQuota, Positive(limits.cpu_quota()));
  Add(MetricId::kSpecCpuShares, Positive(limits.cpu_shares()));
  Add(MetricId::kSpecMemoryLimit, Positive(limits.memory_limit_in_bytes()));
  Add(MetricId::kSpecMemorySwapLimit, Positive(limits.memory_swap_limit_in_bytes()));
  const auto reserved = limits.unified().find("memory.min");
  uint64_t bytes = 0;
  if (reserved == limits.unified().end() || !absl::SimpleAtoi(reserved->second, &bytes)) bytes = 0;
  Add(MetricId::kSpecMemoryReservation, bytes);
}

}  // namespace crisp
