#include "monitor/shim_metrics.h"

#include <memory>
#include <string>

#include "monitor/proc_stat.h"
#include "monitor/read_values.h"
#include "runtime/shim.h"
#include "sandbox/pod.h"
#include "sandbox/pod_table.h"

namespace crisp {
using prometheus::MetricFamily;

struct ShimMetrics::Sum {
  std::map<Process, double> cpu_seconds;
  double resident_bytes = 0;
  double descriptors = 0;
  double threads = 0;
};

std::vector<pid_t> ShimsOf(const PodTable& table) {
  std::vector<pid_t> pids;
  for (const PodPtr& pod : table.All()) {
    if (const std::shared_ptr<Shim> shim = pod->shim.Get()) pids.push_back(shim->pid());
  }
  return pids;
}

// One that has ended meanwhile counts for nothing.
void ShimMetrics::Add(pid_t pid, Sum* sum) const {
  const std::optional<ProcStat> stat = ReadProcStat(pid);
  if (!stat) return;
  sum->cpu_seconds[{pid, stat->start_seconds}] = stat->cpu_seconds;
  sum->resident_bytes += stat->resident_bytes;
  sum->threads += stat->threads;
  sum->descriptors += OpenDescriptors(pid);
}

double ShimMetrics::CpuSeconds(std::map<Process, double> now) const {
  for (const auto& [process, seconds] : now) {
    const auto before = last_.find(process);
    cpu_seconds_ += before == last_.end() ? seconds : seconds - before->second;
  }
  last_ = std::move(now);
  return cpu_seconds_;
}

std::vector<MetricFamily> ShimMetrics::Collect() const {
  const MutexLock lock(mutex_);
  Sum sum;
  for (const pid_t pid : shims_()) Add(pid, &sum);
  std::vector<MetricFamily> families;
  families.push_back(Gauge("crisp_shims", "Shims that run.", static_cast<double>(sum.cpu_seconds.size())));
  families.push_back(Count("crisp_shims_cpu_seconds_total",
                           "User and system time of all shims, as read at the scrapes.",
                           CpuSeconds(std::move(sum.cpu_seconds))));
  families.push_back(Gauge("crisp_shims_resident_memory_bytes", "Memory of all shims, with the pages that they share.",
                           sum.resident_bytes));
  families.push_back(Gauge("crisp_shims_open_fds", "Descriptors that all shims have open.", sum.descriptors));
  families.push_back(Gauge("crisp_shims_threads", "Threads of all shims.", sum.threads));
  return families;
}

}  // namespace crisp
