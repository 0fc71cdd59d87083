#include "sandbox/machine.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "os/file.h"
#include "runtime/host.h"

namespace crisp {
namespace {

constexpr int kLowestOomScoreAdj = -1000;  // proc_pid_oom_score_adj(5)

absl::StatusOr<std::string> ReadLine(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFileAt(AT_FDCWD, path, 4096));
  return std::string(absl::StripAsciiWhitespace(text));
}

absl::StatusOr<int> OwnOomScoreAdj() {
  ASSIGN_OR_RETURN(const std::string text, ReadLine("/proc/self/oom_score_adj"));
  int value = 0;
  if (!absl::SimpleAtoi(text, &value)) return absl::InternalError("read /proc/self/oom_score_adj: not a number");
  return value;
}

absl::StatusOr<int> OomScoreAdjFloor(bool restricted) {
  ASSIGN_OR_RETURN(int floor, HostOomScoreAdjFloor());
  if (floor > kLowestOomScoreAdj && !restricted) {
    LogWarning("without CAP_SYS_RESOURCE no container gets a lower oom_score_adj than this daemon has",
               {{"oom_score_adj", floor}});
  }
  if (!restricted) return floor;
  ASSIGN_OR_RETURN(const int own, OwnOomScoreAdj());
  return std::max(floor, own);
}

}  // namespace

absl::StatusOr<Machine> LookAtMachine(bool restrict_oom_score_adj) {
  Machine machine;
  machine.context.cgroup_v2 = HostHasCgroupV2();
  machine.context.swap_accounting = HostAccountsForSwap();
  machine.context.host_capabilities = HostCapabilities();
  machine.context.hostname = NodeHostname();
  ASSIGN_OR_RETURN(machine.context.oom_score_adj_floor, OomScoreAdjFloor(restrict_oom_score_adj));
  ASSIGN_OR_RETURN(machine.boot_id, ReadLine("/proc/sys/kernel/random/boot_id"));
  return machine;
}

std::string NodeHostname() {
  std::array<char, 65> name{};
  return gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "localhost";
}

}  // namespace crisp
