// ShimMetrics: what the shims of all pods use together.
//
//   crisp_shims   crisp_shims_cpu_seconds_total   crisp_shims_resident_memory_bytes
//   crisp_shims_open_fds   crisp_shims_threads
//
// Memory is the resident set: the pages of the program, which all shims share, count once for each. The proportional
// set (smaps_rollup) makes the kernel walk the page tables, which takes twice as long as all the rest together.
#pragma once

#include <prometheus/collectable.h>
#include <sys/types.h>

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace crisp {

class PodTable;

// The processes of the shims that the daemon is connected to.
std::vector<pid_t> ShimsOf(const PodTable& table);

// Reads /proc (proc(5)). Thread-safe.
class ShimMetrics final : public prometheus::Collectable {
 public:
  explicit ShimMetrics(std::function<std::vector<pid_t>()> shims) : shims_(std::move(shims)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct Sum;
  // The pid and the start time: a pid may be used again.
  using Process = std::pair<pid_t, double>;
  void Add(pid_t pid, Sum* sum) const;
  double CpuSeconds(std::map<Process, double> now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<std::vector<pid_t>()> shims_;
  // A sum over the shims that run would fall when one ends, which Prometheus takes for a counter that began again. So
  // what each has used since the scrape before is added up.
  mutable Mutex mutex_;  // held during a whole scrape, so that times do not go back
  mutable std::map<Process, double> last_ ABSL_GUARDED_BY(mutex_);
  mutable double cpu_seconds_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace crisp
