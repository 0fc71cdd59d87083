#include "network/orphans.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/process.h"

namespace crisp {
namespace {

constexpr size_t kEnvironmentLimit = 4 << 20;

// CNI_CONTAINERID of the process; empty if it has none or has ended.
std::string ContainerIdOf(pid_t pid) {
  const auto environment = ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/environ"), kEnvironmentLimit);
  if (!environment.ok()) return "";
  for (absl::string_view variable : absl::StrSplit(*environment, '\0')) {
    if (absl::ConsumePrefix(&variable, "CNI_CONTAINERID=")) return std::string(variable);
  }
  return "";
}

// The pid may have been reused, so the id is read again once the pidfd is open.
absl::Status End(pid_t pid, const std::set<std::string>& container_ids, MonoTime patience, const CallContext& call) {
  const Pidfd pidfd = Pidfd::Open(pid);
  if (!pidfd.valid()) return errno == ESRCH ? absl::OkStatus() : ErrnoStatus(errno, absl::StrCat("open process ", pid));
  const std::string id = ContainerIdOf(pid);
  if (container_ids.count(id) == 0) return absl::OkStatus();
  const auto left = std::max<std::chrono::nanoseconds>(patience - MonoClock::now(), std::chrono::nanoseconds(0));
  if (AwaitEnd(pidfd, call.Within(left)).ok()) return absl::OkStatus();
  LogWarning("killing a CNI plugin that an earlier daemon started", {{"process", pid}, {"pod_id", id}});
  if (const int error = pidfd.Signal(SIGKILL); error != 0 && error != ESRCH) {
    return ErrnoStatus(error, absl::StrCat("kill process ", pid));
  }
  return Annotate(AwaitEnd(pidfd, call), absl::StrCat("wait for the end of process ", pid));
}

}  // namespace

absl::Status EndOrphanedPlugins(const std::set<std::string>& container_ids, std::chrono::nanoseconds grace,
                                const CallContext& call) {
  if (container_ids.empty()) return absl::OkStatus();
  const MonoTime patience = MonoClock::now() + grace;
  absl::Status status;
  // A process may have started a child after the list was read, so the list is read until it is empty.
  for (bool found = true; found;) {
    RETURN_IF_ERROR(call.Check(), "end the CNI plugins of the previous daemon");
    found = false;
    ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir("/proc"));
    for (const std::string& name : names) {
      pid_t pid = 0;
      if (!absl::SimpleAtoi(name, &pid) || container_ids.count(ContainerIdOf(pid)) == 0) continue;
      const absl::Status ended = End(pid, container_ids, patience, call);
      found |= ended.ok();
      status = Join(status, ended);
    }
    RETURN_IF_ERROR(status, "end the CNI plugins of the previous daemon");
  }
  return status;
}

}  // namespace crisp
