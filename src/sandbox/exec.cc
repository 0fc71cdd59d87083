// ExecSync and ReopenContainerLog: what is done inside a running container.
#include "sandbox/exec.h"

#include <fcntl.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/file.h"
#include "runtime/exec_process.h"
#include "sandbox/deadlines.h"
#include "sandbox/pod_manager.h"

namespace crisp {
namespace {

constexpr size_t kMaxSpec = 8 << 20;

// As long as a clock of nanoseconds can tell, and then some.
std::chrono::seconds Timeout(int64_t seconds) {
  return std::chrono::seconds(std::min<int64_t>(seconds, 1 << 30));
}

}  // namespace

absl::Status NotRunning(const Container& container) {
  const bool created = container.view().state == cri::CONTAINER_CREATED;
  return absl::FailedPreconditionError(
      absl::StrCat("container ", container.id(), " is not running: it has ", created ? "not been started" : "exited"));
}

absl::StatusOr<std::shared_ptr<Shim>> ShimOf(const Pod& pod, const Container& container) {
  std::shared_ptr<Shim> shim = pod.shim();
  if (!container.running() || shim == nullptr) return NotRunning(container);
  return shim;
}

absl::StatusOr<std::string> ExecProcessOf(const std::string& spec, const std::vector<std::string>& command,
                                          bool terminal) {
  ASSIGN_OR_RETURN(const std::string text, ReadFileAt(AT_FDCWD, spec, kMaxSpec));
  return BuildExecProcess(text, command, terminal);
}

absl::StatusOr<cri::ExecSyncResponse> PodManager::ExecSync(const cri::ExecSyncRequest& request, const Call& call) {
  if (request.cmd().empty()) return absl::InvalidArgumentError("field cmd: must not be empty");
  if (request.timeout() < 0) return absl::InvalidArgumentError("field timeout: must not be negative");
  ASSIGN_OR_RETURN(const Found found, FindContainer(request.container_id()));
  const auto& [pod, container] = found;
  ASSIGN_OR_RETURN(const std::shared_ptr<Shim> shim, ShimOf(*pod, *container));
  ExecRequest exec;
  exec.container_id = container->id();
  ASSIGN_OR_RETURN(exec.process_json, ExecProcessOf(layout_.Spec(pod->id(), container->id()),
                                                    {request.cmd().begin(), request.cmd().end()}));
  exec.timeout = Timeout(request.timeout());
  const auto result = shim->Exec(exec, call);
  if (absl::IsUnavailable(result.status())) return NotRunning(*container);
  RETURN_IF_ERROR(result, "exec in container ", container->id());

  cri::ExecSyncResponse response;
  response.set_exit_code(result->exit_code);
  response.set_stdout(result->output);
  response.set_stderr(result->error_output);
  return response;
}

absl::Status PodManager::ReopenLog(const std::string& container_id, const Call& call) {
  ASSIGN_OR_RETURN(const Found found, FindContainer(container_id));
  const auto& [pod, container] = found;
  ASSIGN_OR_RETURN(const std::shared_ptr<Shim> shim, ShimOf(*pod, *container));
  const absl::Status reopened = shim->ReopenLog(container->id(), call.Within(kShimDeadline));
  return absl::IsUnavailable(reopened) ? NotRunning(*container) : Annotate(reopened, "reopen log");
}

}  // namespace crisp
