#include "monitor/proc_stat.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "os/dir_stream.h"
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

double OpenDescriptors(pid_t pid) {
  DirStream stream(Fd(open(absl::StrCat("/proc/", pid, "/fd").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  double count = 0;
  while (stream.Next() != nullptr) ++count;
  return pid == getpid() && count > 0 ? count - 1 : count;
}

}  // namespace crisp
