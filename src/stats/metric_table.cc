#include "stats/metric_table.h"

namespace crisp {
namespace {

using Facts = MetricFacts;
using Put = MetricSink;

constexpr auto kCounter = cri::COUNTER;
constexpr auto kGauge = cri::GAUGE;
constexpr auto kOne = MetricUnit::kOne;
constexpr auto kMicros = MetricUnit::kMicroseconds;
constexpr auto kNanos = MetricUnit::kNanoseconds;

constexpr uint64_t kNanosPerSecond = 1'000'000'000;

template <auto kField>
void Usage(const Facts& facts, const Put& put) {
  if (facts.usage) put((*facts.usage).*kField);
}

template <auto kField>
void Details(const Facts& facts, const Put& put) {
  if (facts.details) put((*facts.details).*kField);
}

template <auto kField>
void Memory(const Facts& facts, const Put& put) {
  if (facts.usage && facts.usage->memory) put((*facts.usage->memory).*kField);
}

template <auto kField>
void Link(const Facts& facts, const Put& put) {
  for (const LinkReading& link : facts.links) put(link.*kField, {link.name});
}

template <auto kField>
void Device(const Facts& facts, const Put& put) {
  for (const DeviceIo& device : facts.devices) put(device.io.*kField, {device.device});
}

template <auto kField>
void FileSystem(const Facts& facts, const Put& put) {
  if (facts.layer) put(facts.layer->file_system.*kField, {facts.layer->file_system.device});
}

template <auto kField>
void Processes(const Facts& facts, const Put& put) {
  if (facts.processes) put((*facts.processes).*kField);
}

template <auto kField>
void Limits(const Facts& facts, const Put& put) {
  if (facts.limits) put((*facts.limits).*kField);
}

template <auto kField>
void Lost(const Facts& facts, const Put& put) {
  if (facts.lost) put((*facts.lost).*kField);
}

// Time of stalls on one resource, in microseconds: of some task, or of all.
template <auto kResource, auto kShare>
void Pressure(const Facts& facts, const Put& put) {
  if (!facts.usage) return;
  const std::optional<CgroupPressure>& pressure = (*facts.usage).*kResource;
  if (pressure) put(((*pressure).*kShare).total_micros);
}

void CpuUsage(const Facts& facts, const Put& put) {
  if (facts.usage) put(facts.usage->cpu_nanos, {"total"});
}

void WorkingSet(const Facts& facts, const Put& put) {
  if (facts.usage && facts.usage->memory) put(facts.usage->memory->WorkingSet());
}

// What is counted is of the whole cgroup; there are no others below a container's.
void MemoryFaults(const Facts& facts, const Put& put) {
  if (!facts.usage || !facts.usage->memory) return;
  for (const char* scope : {"container", "hierarchy"}) {
    put(facts.usage->memory->page_faults, {"pgfault", scope});
    put(facts.usage->memory->major_page_faults, {"pgmajfault", scope});
  }
}

void LayerBytes(const Facts& facts, const Put& put) {
  if (facts.layer) put(facts.layer->sample.usage.bytes, {facts.layer->file_system.device});
}

// Linux counts these for whole devices only, not by cgroup. cAdvisor has them for a container's file system all the
// same, with the value 0.
void NotCounted(const Facts& facts, const Put& put) {
  if (facts.layer) put(uint64_t{0}, {facts.layer->file_system.device});
}

void DeviceBytes(const Facts& facts, const Put& put) {
  for (const DeviceIo& device : facts.devices) {
    for (const auto& [operation, bytes] : device.io.bytes) {
      put(bytes, {device.device, device.major, device.minor, operation});
    }
  }
}

void ThreadsLimit(const Facts& facts, const Put& put) {
  if (facts.details) put(facts.details->tasks_limit.value_or(0));
}

void DescriptorLimits(const Facts& facts, const Put& put) {
  put(facts.descriptor_limit, {"max_open_files"});
}

void StartTime(const Facts& facts, const Put& put) {
  put(facts.started_at);
}

void LastSeen(const Facts& facts, const Put& put) {
  put(static_cast<uint64_t>(facts.at) / kNanosPerSecond);
}

using U = CgroupUsage;
using P = CgroupPressure;
using M = CgroupMemory;
using D = CgroupDetails;
using Io = CgroupDeviceIo;
using L = LinkReading;
using Fs = LayerFileSystem;
using S = LimitFacts;

// clang-format off
constexpr MetricInfo kMetrics[] = {
    {"container_cpu_usage_seconds_total", "CPU time used, in seconds.", kCounter, kNanos, CpuUsage, {"cpu"}},
    {"container_cpu_user_seconds_total", "CPU time used in user mode, in seconds.", kCounter, kNanos, Details<&D::cpu_user_nanos>},
    {"container_cpu_system_seconds_total", "CPU time used in the kernel, in seconds.", kCounter, kNanos, Details<&D::cpu_system_nanos>},
    {"container_cpu_cfs_periods_total", "Periods of the CPU quota that have passed.", kCounter, kOne, Details<&D::cpu_periods>},
    {"container_cpu_cfs_throttled_periods_total", "Periods in which the CPU quota was used up.", kCounter, kOne, Details<&D::cpu_throttled_periods>},
    {"container_cpu_cfs_throttled_seconds_total", "Time for which the CPU quota was used up, in seconds.", kCounter, kNanos, Details<&D::cpu_throttled_nanos>},
    {"container_cpu_cfs_burst_periods_total", "Periods in which more than the CPU quota was used, out of what earlier ones had left.", kCounter, kOne, Details<&D::cpu_bursts>},
    {"container_cpu_cfs_burst_seconds_total", "CPU time beyond the quota in these periods, in seconds.", kCounter, kNanos, Details<&D::cpu_burst_nanos>},
    {"container_memory_usage_bytes", "Memory in use, whenever it was last accessed.", kGauge, kOne, Memory<&M::usage>},
    {"container_memory_working_set_bytes", "Memory in use without inactive pages of files.", kGauge, kOne, WorkingSet},
    {"container_memory_rss", "Anonymous memory, in bytes.", kGauge, kOne, Memory<&M::rss>},
    {"container_memory_cache", "Pages of files, in bytes.", kGauge, kOne, Memory<&M::file>},
    {"container_memory_mapped_file", "Mapped pages of files, in bytes.", kGauge, kOne, Memory<&M::mapped_file>},
    {"container_memory_total_active_file_bytes", "Active pages of files, in bytes.", kGauge, kOne, Memory<&M::active_file>},
    {"container_memory_total_inactive_file_bytes", "Inactive pages of files, in bytes.", kGauge, kOne, Memory<&M::inactive_file>},
    {"container_memory_kernel_usage", "Memory of the kernel, in bytes.", kGauge, kOne, Details<&D::kernel_memory>},
    {"container_memory_swap", "Swap in use, in bytes.", kGauge, kOne, Memory<&M::swap>},
    {"container_memory_max_usage_bytes", "The most memory that was in use.", kGauge, kOne, Details<&D::memory_peak>},
    {"container_memory_failcnt", "How often the memory limit was hit.", kCounter, kOne, Details<&D::memory_limit_hits>},
    {"container_memory_failures_total", "Page faults.", kCounter, kOne, MemoryFaults, {"failure_type", "scope"}},
    {"container_oom_events_total", "Processes that the OOM killer has killed.", kCounter, kOne, Details<&D::oom_kills>},
    {"container_log_lost_bytes_total", "Output that is missing in the log, because the log could not be written, in bytes.", kCounter, kOne, Lost<&LostOutput::bytes>},
    {"container_log_lost_lines_total", "Lines of that output.", kCounter, kOne, Lost<&LostOutput::lines>},
    {"container_fs_usage_bytes", "What the writable layer takes.", kGauge, kOne, LayerBytes, {"device"}},
    {"container_fs_limit_bytes", "Size of its file system.", kGauge, kOne, FileSystem<&Fs::bytes>, {"device"}},
    {"container_fs_inodes_total", "Inodes of its file system.", kGauge, kOne, FileSystem<&Fs::inodes>, {"device"}},
    {"container_fs_inodes_free", "Free inodes of its file system.", kGauge, kOne, FileSystem<&Fs::free_inodes>, {"device"}},
    {"container_fs_reads_bytes_total", "Bytes read from devices.", kCounter, kOne, Device<&Io::read_bytes>, {"device"}},
    {"container_fs_writes_bytes_total", "Bytes written to devices.", kCounter, kOne, Device<&Io::written_bytes>, {"device"}},
    {"container_fs_reads_total", "Reads from devices.", kCounter, kOne, Device<&Io::reads>, {"device"}},
    {"container_fs_writes_total", "Writes to devices.", kCounter, kOne, Device<&Io::writes>, {"device"}},
    {"container_fs_sector_reads_total", "Sectors read; not counted.", kCounter, kOne, NotCounted, {"device"}},
    {"container_fs_sector_writes_total", "Sectors written; not counted.", kCounter, kOne, NotCounted, {"device"}},
    {"container_fs_reads_merged_total", "Reads merged; not counted.", kCounter, kOne, NotCounted, {"device"}},
    {"container_fs_writes_merged_total", "Writes merged; not counted.", kCounter, kOne, NotCounted, {"device"}},
    {"container_fs_read_seconds_total", "Time of reads; not counted.", kCounter, kOne, NotCounted, {"device"}},
    {"container_fs_write_seconds_total", "Time of writes; not counted.", kCounter, kOne, NotCounted, {"device"}},
    {"container_fs_io_current", "I/O in progress; not counted.", kGauge, kOne, NotCounted, {"device"}},
    {"container_fs_io_time_seconds_total", "Time of I/O; not counted.", kCounter, kOne, NotCounted, {"device"}},
    {"container_fs_io_time_weighted_seconds_total", "Weighted time of I/O; not counted.", kCounter, kOne, NotCounted, {"device"}},
    {"container_fs_io_cost_usage_seconds_total", "Time that the device was busy for it, by the model of the controller io.cost.", kCounter, kMicros, Device<&Io::cost_usage_micros>, {"device"}},
    {"container_fs_io_cost_wait_seconds_total", "Time that its I/O was held back by io.cost, in seconds.", kCounter, kMicros, Device<&Io::cost_wait_micros>, {"device"}},
    {"container_fs_io_cost_indebt_seconds_total", "Time that it was in debt to io.cost, in seconds.", kCounter, kMicros, Device<&Io::cost_debt_micros>, {"device"}},
    {"container_fs_io_cost_indelay_seconds_total", "Time that it was delayed to pay this debt, in seconds.", kCounter, kMicros, Device<&Io::cost_delay_micros>, {"device"}},
    {"container_blkio_device_usage_total", "Bytes read from and written to devices, by operation.", kCounter, kOne, DeviceBytes, {"device", "major", "minor", "operation"}},
    {"container_network_receive_bytes_total", "Bytes received.", kCounter, kOne, Link<&L::rx_bytes>, {"interface"}},
    {"container_network_receive_packets_total", "Packets received.", kCounter, kOne, Link<&L::rx_packets>, {"interface"}},
    {"container_network_receive_packets_dropped_total", "Packets dropped on their way in.", kCounter, kOne, Link<&L::rx_dropped>, {"interface"}},
    {"container_network_receive_errors_total", "Errors while receiving.", kCounter, kOne, Link<&L::rx_errors>, {"interface"}},
    {"container_network_transmit_bytes_total", "Bytes sent.", kCounter, kOne, Link<&L::tx_bytes>, {"interface"}},
    {"container_network_transmit_packets_total", "Packets sent.", kCounter, kOne, Link<&L::tx_packets>, {"interface"}},
    {"container_network_transmit_packets_dropped_total", "Packets dropped on their way out.", kCounter, kOne, Link<&L::tx_dropped>, {"interface"}},
    {"container_network_transmit_errors_total", "Errors while sending.", kCounter, kOne, Link<&L::tx_errors>, {"interface"}},
    {"container_processes", "Processes.", kGauge, kOne, Details<&D::processes>},
    {"container_threads", "Threads.", kGauge, kOne, Usage<&U::tasks>},
    {"container_threads_max", "The most threads that there may be; 0: no limit.", kGauge, kOne, ThreadsLimit},
    {"container_file_descriptors", "Open file descriptors.", kGauge, kOne, Processes<&ProcessUsage::descriptors>},
    {"container_sockets", "Open sockets.", kGauge, kOne, Processes<&ProcessUsage::sockets>},
    {"container_ulimits_soft", "Soft limits of the container's first process.", kGauge, kOne, DescriptorLimits, {"ulimit"}},
    {"container_pressure_cpu_waiting_seconds_total", "Time in which some task waited for a CPU, in seconds.", kCounter, kMicros, Pressure<&U::cpu_pressure, &P::some>},
    {"container_pressure_cpu_stalled_seconds_total", "Time in which all tasks waited for a CPU, in seconds.", kCounter, kMicros, Pressure<&U::cpu_pressure, &P::full>},
    {"container_pressure_memory_waiting_seconds_total", "Time in which some task waited for memory, in seconds.", kCounter, kMicros, Pressure<&U::memory_pressure, &P::some>},
    {"container_pressure_memory_stalled_seconds_total", "Time in which all tasks waited for memory, in seconds.", kCounter, kMicros, Pressure<&U::memory_pressure, &P::full>},
    {"container_pressure_io_waiting_seconds_total", "Time in which some task waited for input or output, in seconds.", kCounter, kMicros, Pressure<&U::io_pressure, &P::some>},
    {"container_pressure_io_stalled_seconds_total", "Time in which all tasks waited for input or output, in seconds.", kCounter, kMicros, Pressure<&U::io_pressure, &P::full>},
    {"container_spec_cpu_period", "Period of the CPU quota, in microseconds.", kGauge, kOne, Limits<&S::cpu_period>},
    {"container_spec_cpu_quota", "CPU quota, in microseconds a period.", kGauge, kOne, Limits<&S::cpu_quota>},
    {"container_spec_cpu_shares", "CPU shares.", kGauge, kOne, Limits<&S::cpu_shares>},
    {"container_spec_memory_limit_bytes", "Memory limit; 0: none.", kGauge, kOne, Limits<&S::memory>},
    {"container_spec_memory_reservation_limit_bytes", "Memory that is kept for it; 0: none.", kGauge, kOne, Limits<&S::memory_reservation>},
    {"container_spec_memory_swap_limit_bytes", "Limit on memory and swap together; 0: none.", kGauge, kOne, Limits<&S::memory_and_swap>},
    {"container_start_time_seconds", "When it was started, in seconds since 1970.", kGauge, kOne, StartTime},
    {"container_last_seen", "When this was measured, in seconds since 1970.", kGauge, kOne, LastSeen},
};
// clang-format on

}  // namespace

absl::Span<const MetricInfo> MetricTable() {
  return kMetrics;
}

}  // namespace crisp
