#include "monitor/proc_stat.h"

#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "os/process_state.h"

namespace crisp {

std::optional<ProcStat> ReadProcStat(pid_t pid) {
  constexpr size_t kFirst = 3, kLast = 24;  // numbers of fields in proc(5)
  const std::vector<std::string> fields = StatFieldsOf(pid);
  if (fields.size() <= kLast - kFirst) return std::nullopt;
  bool all = true;
  const auto number = [&](size_t field) {
    double value = 0;
    all = absl::SimpleAtod(fields[field - kFirst], &value) && all;
    return value;
  };
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  ProcStat stat;
  stat.cpu_seconds = (number(14) + number(15)) / ticks;
  stat.threads = number(20);
  stat.start_seconds = number(22) / ticks;
  stat.virtual_bytes = number(23);
  stat.resident_bytes = number(24) * static_cast<double>(sysconf(_SC_PAGESIZE));
  return all ? std::make_optional(stat) : std::nullopt;
}

}  // namespace crisp
