#include "sandbox/container_exec.h"

#include <algorithm>
#include <chrono>

#include "base/status_macros.h"
#include "runtime/exec_process.h"
#include "sandbox/bundle_spec.h"
#include "sandbox/client_status.h"
#include "sandbox/container.h"
#include "sandbox/deadlines.h"
#include "sandbox/pod.h"

namespace crisp {
namespace {

// Cut so that it fits into a clock of nanoseconds.
std::chrono::seconds TimeoutOf(int64_t seconds) {
  return std::chrono::seconds(std::min<int64_t>(seconds, 1 << 30));
}

}  // namespace

absl::StatusOr<ContainerExec::Running> ContainerExec::Find(const std::string& container_id) const {
  ASSIGN_OR_RETURN(PodContainer found, table_->FindContainer(container_id));
  std::shared_ptr<Shim> shim = found.pod->shim.Get();
  if (!found.container->running() || shim == nullptr) return NotRunning(*found.container);
  return Running{std::move(found), std::move(shim)};
}

absl::StatusOr<std::string> ContainerExec::ProcessOf(const PodContainer& found, const std::vector<std::string>& command,
                                                     bool terminal) const {
  ASSIGN_OR_RETURN(const std::string spec, ReadBundleSpec(layout_, found.pod->id(), found.container->id()));
  return BuildExecProcess(spec, command, terminal);
}

absl::StatusOr<cri::ExecSyncResponse> ContainerExec::ExecSync(const cri::ExecSyncRequest& request,
                                                              const CallContext& call) const {
  if (request.cmd().empty()) return absl::InvalidArgumentError("field cmd: must not be empty");
  if (request.timeout() < 0) return absl::InvalidArgumentError("field timeout: must not be negative");
  ASSIGN_OR_RETURN(const Running running, Find(request.container_id()));
  const Container& container = *running.found.container;
  ExecRequest exec;
  exec.container_id = container.id();
  exec.timeout = TimeoutOf(request.timeout());
  // The shim ends the exec in time. If it does not answer, the caller must not wait for longer all the same.
  const CallContext in_time = request.timeout() > 0 ? call.Within(exec.timeout + kExecMargin) : call;
  const std::vector<std::string> command(request.cmd().begin(), request.cmd().end());
  auto result = Launch(running, command, /*terminal=*/false, std::move(exec),
                       [&](const ExecRequest& one) { return running.shim->Exec(one, in_time); });
  if (absl::IsUnavailable(result.status())) return NotRunning(container);
  RETURN_IF_ERROR(result, "exec in container ", container.id());

  cri::ExecSyncResponse response;
  response.set_exit_code(result->exit_code);
  response.set_stdout(std::move(result->output));
  response.set_stderr(std::move(result->error_output));
  return response;
}

absl::Status ContainerExec::ReopenLog(const std::string& container_id, const CallContext& call) const {
  ASSIGN_OR_RETURN(const Running running, Find(container_id));
  const Container& container = *running.found.container;
  const absl::Status reopened = running.shim->ReopenLog(container.id(), call.Within(kShimDeadline));
  return absl::IsUnavailable(reopened) ? NotRunning(container) : Annotate(reopened, "reopen log");
}

}  // namespace crisp
