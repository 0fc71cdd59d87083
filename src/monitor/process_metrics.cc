#include "monitor/process_metrics.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "monitor/proc_stat.h"
#include "monitor/read_values.h"
#include "os/file.h"

namespace crisp {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

// When the machine has started, in seconds since 1970.
std::optional<double> BootTime() {
  const std::string text = ReadFileAt(AT_FDCWD, "/proc/stat", 4 << 20).value_or("");
  const size_t at = text.find("\nbtime ");
  double value = 0;
  if (at == std::string::npos) return std::nullopt;
  const std::string line = text.substr(at + 7, text.find('\n', at + 1) - at - 7);
  return absl::SimpleAtod(line, &value) ? std::make_optional(value) : std::nullopt;
}

void AddStat(std::vector<MetricFamily>* families) {
  const std::optional<ProcStat> stat = ReadProcStat(getpid());
  if (!stat) return;
  families->push_back(Count("process_cpu_seconds_total", "User and system time of crispd.", stat->cpu_seconds));
  families->push_back(Gauge("process_threads", "Threads of crispd.", stat->threads));
  families->push_back(Gauge("process_virtual_memory_bytes", "Address space of crispd.", stat->virtual_bytes));
  families->push_back(
      Gauge("process_resident_memory_bytes", "Memory of crispd, with the pages that it shares.", stat->resident_bytes));
  if (const std::optional<double> booted = BootTime()) {
    families->push_back(Gauge("process_start_time_seconds", "When crispd was started, in seconds since 1970.",
                              *booted + stat->start_seconds));
  }
}

void AddDescriptors(std::vector<MetricFamily>* families) {
  families->push_back(Gauge("process_open_fds", "Descriptors that crispd has open.", OpenDescriptors(getpid())));
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    families->push_back(Gauge("process_max_fds", "The most descriptors that crispd may have open.",
                              static_cast<double>(limit.rlim_cur)));
  }
}

}  // namespace

std::vector<MetricFamily> ProcessMetrics::Collect() const {
  std::vector<MetricFamily> families;
  AddStat(&families);
  AddDescriptors(&families);
  MetricFamily build = Family("crisp_build_info", "The version of crispd; its value is 1.", MetricType::Gauge);
  AddValue(&build, 1, {{"version", CRISP_VERSION}});
  families.push_back(std::move(build));
  return families;
}

}  // namespace crisp
