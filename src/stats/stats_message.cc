#include "stats/stats_message.h"

#include <algorithm>

namespace crisp {
namespace {

void FillShare(const CgroupPressure::Share& share, cri::PsiData* message) {
  message->set_total(share.total_micros * 1000);
  message->set_avg10(share.avg10);
  message->set_avg60(share.avg60);
  message->set_avg300(share.avg300);
}

void FillPressure(const CgroupPressure& pressure, cri::PsiStats* message) {
  FillShare(pressure.full, message->mutable_full());
  FillShare(pressure.some, message->mutable_some());
}

void FillInterface(const LinkReading& link, cri::NetworkInterfaceUsage* message) {
  message->set_name(link.name);
  message->mutable_rx_bytes()->set_value(link.rx_bytes);
  message->mutable_rx_errors()->set_value(link.rx_errors);
  message->mutable_tx_bytes()->set_value(link.tx_bytes);
  message->mutable_tx_errors()->set_value(link.tx_errors);
}

void Add(const std::optional<uint64_t>& part, std::optional<uint64_t>* sum) {
  if (part) *sum = sum->value_or(0) + *part;
}

}  // namespace

void FillCpu(const MeterReading& reading, cri::CpuUsage* message) {
  message->set_timestamp(reading.at);
  message->mutable_usage_core_nano_seconds()->set_value(*reading.usage.cpu_nanos);
  if (reading.cpu_rate) message->mutable_usage_nano_cores()->set_value(*reading.cpu_rate);
  if (reading.usage.cpu_pressure) FillPressure(*reading.usage.cpu_pressure, message->mutable_psi());
}

void FillMemory(const MeterReading& reading, cri::MemoryUsage* message) {
  const CgroupMemory& memory = *reading.usage.memory;
  message->set_timestamp(reading.at);
  message->mutable_working_set_bytes()->set_value(memory.WorkingSet());
  message->mutable_usage_bytes()->set_value(memory.usage);
  message->mutable_rss_bytes()->set_value(memory.rss);
  message->mutable_page_faults()->set_value(memory.page_faults);
  message->mutable_major_page_faults()->set_value(memory.major_page_faults);
  if (memory.limit) {
    message->mutable_available_bytes()->set_value(*memory.limit - std::min(*memory.limit, memory.WorkingSet()));
  }
  if (reading.usage.memory_pressure) FillPressure(*reading.usage.memory_pressure, message->mutable_psi());
}

void FillSwap(const MeterReading& reading, cri::SwapUsage* message) {
  const CgroupMemory& memory = *reading.usage.memory;
  message->set_timestamp(reading.at);
  message->mutable_swap_usage_bytes()->set_value(*memory.swap);
  if (memory.swap_limit) {
    message->mutable_swap_available_bytes()->set_value(*memory.swap_limit - std::min(*memory.swap_limit, *memory.swap));
  }
}

void FillIo(const MeterReading& reading, cri::IoUsage* message) {
  message->set_timestamp(reading.at);
  FillPressure(*reading.usage.io_pressure, message->mutable_psi());
}

void FillUsage(const MeterReading& reading, cri::ContainerStats* message) {
  const CgroupUsage& usage = reading.usage;
  if (usage.cpu_nanos) FillCpu(reading, message->mutable_cpu());
  if (usage.memory) FillMemory(reading, message->mutable_memory());
  if (usage.memory && usage.memory->swap) FillSwap(reading, message->mutable_swap());
  if (usage.io_pressure) FillIo(reading, message->mutable_io());
}

void FillPodUsage(const MeterReading& reading, cri::LinuxPodSandboxStats* message) {
  if (reading.usage.cpu_nanos) FillCpu(reading, message->mutable_cpu());
  if (reading.usage.memory) FillMemory(reading, message->mutable_memory());
  if (reading.usage.io_pressure) FillIo(reading, message->mutable_io());
  if (!reading.usage.tasks) return;
  message->mutable_process()->set_timestamp(reading.at);
  message->mutable_process()->mutable_process_count()->set_value(*reading.usage.tasks);
}

void FillLayer(const LayerSample& layer, const std::string& mountpoint, cri::FilesystemUsage* message) {
  message->set_timestamp(layer.at);
  message->mutable_fs_id()->set_mountpoint(mountpoint);
  message->mutable_used_bytes()->set_value(layer.usage.bytes);
  message->mutable_inodes_used()->set_value(layer.usage.inodes);
}

void FillNetwork(const std::vector<LinkReading>& links, const std::string& default_interface, int64_t at,
                 cri::NetworkUsage* message) {
  message->set_timestamp(at);
  for (const LinkReading& link : links) {
    if (link.loopback) continue;
    FillInterface(link,
                  link.name == default_interface ? message->mutable_default_interface() : message->add_interfaces());
  }
}

void AddUsage(const MeterReading& part, MeterReading* sum) {
  sum->at = std::max(sum->at, part.at);
  Add(part.usage.cpu_nanos, &sum->usage.cpu_nanos);
  Add(part.cpu_rate, &sum->cpu_rate);
  Add(part.usage.tasks, &sum->usage.tasks);
  if (!part.usage.memory) return;
  if (!sum->usage.memory) sum->usage.memory.emplace();
  CgroupMemory& memory = *sum->usage.memory;
  memory.usage += part.usage.memory->usage;
  memory.inactive_file += part.usage.memory->inactive_file;
  memory.active_file += part.usage.memory->active_file;
  memory.rss += part.usage.memory->rss;
  memory.file += part.usage.memory->file;
  memory.mapped_file += part.usage.memory->mapped_file;
  memory.page_faults += part.usage.memory->page_faults;
  memory.major_page_faults += part.usage.memory->major_page_faults;
  Add(part.usage.memory->swap, &memory.swap);
}

}  // namespace crisp
