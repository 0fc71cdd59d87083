// ExecSync and ReopenContainerLog: what is done inside a running container.
#include <fcntl.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/file.h"
#include "runtime/spec.h"
#include "sandbox/deadlines.h"
#include "sandbox/pod_manager.h"

namespace crisp {
namespace {

constexpr size_t kMaxSpec = 8 << 20;

absl::Status NotRunning(const std::string& id) {
  return absl::FailedPreconditionError(absl::StrCat("container ", id, " is not running"));
}

}  // namespace

absl::StatusOr<cri::ExecSyncResponse> PodManager::ExecSync(const cri::ExecSyncRequest& request, const Call& call) {
  if (request.cmd().empty()) return absl::InvalidArgumentError("field cmd: must not be empty");
  if (request.timeout() < 0) return absl::InvalidArgumentError("field timeout: must not be negative");
  ASSIGN_OR_RETURN(const Found found, FindContainer(request.container_id()));
  const auto& [pod, container] = found;
  const std::shared_ptr<ShimClient> shim = pod->shim();
  if (!container->running() || shim == nullptr) return NotRunning(container->id());

  ASSIGN_OR_RETURN(const std::string spec, ReadFileAt(AT_FDCWD, layout_.Spec(pod->id(), container->id()), kMaxSpec));
  ExecRequest exec;
  exec.container_id = container->id();
  ASSIGN_OR_RETURN(exec.process_json,
                   BuildExecProcess(spec, std::vector<std::string>(request.cmd().begin(), request.cmd().end())));
  exec.timeout = std::chrono::seconds(request.timeout());
  const auto result = shim->Exec(exec, call);
  if (absl::IsUnavailable(result.status())) return NotRunning(container->id());
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
  const std::shared_ptr<ShimClient> shim = pod->shim();
  if (!container->running() || shim == nullptr) return NotRunning(container->id());
  const absl::Status reopened = shim->ReopenLog(container->id(), call.Within(kShimDeadline));
  return absl::IsUnavailable(reopened) ? NotRunning(container->id()) : Annotate(reopened, "reopen log");
}

}  // namespace crisp
