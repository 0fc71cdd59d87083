// ProcessMetrics: what crispd itself uses, under the names that Prometheus' client libraries give a process:
// process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes, process_open_fds,
// process_max_fds, process_threads, process_start_time_seconds; and crisp_build_info{version}.
#pragma once

#include <prometheus/collectable.h>

#include <vector>

namespace crisp {

// Reads /proc/self (proc(5)); what cannot be read is left out. Thread-safe.
class ProcessMetrics final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace crisp
