// ContainerExec: what is done inside a running container or with its output: ExecSync, ReopenContainerLog, and the
// streams of exec and attach.
//
// Threading: all methods from any thread.
// Errors: FailedPrecondition if the container does not run.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "base/call_context.h"
#include "runtime/shim.h"
#include "sandbox/exec_plans.h"
#include "sandbox/pod_table.h"
#include "sandbox/sandbox_counters.h"
#include "store/layout.h"

namespace crisp {

class ContainerExec {
 public:
  // All pointers must outlive the object.
  ContainerExec(Layout layout, const PodTable* table, const ExecPlans* plans, SandboxCounters* counters)
      : layout_(std::move(layout)), table_(table), plans_(plans), counters_(counters) {}

  // DeadlineExceeded once the request's timeout has passed; the process and its children are gone then.
  absl::StatusOr<cri::ExecSyncResponse> ExecSync(const cri::ExecSyncRequest& request, const CallContext& call) const;
  absl::Status ReopenLog(const std::string& container_id, const CallContext& call) const;

  // A running container and the shim that keeps it.
  struct Running {
    PodContainer found;
    std::shared_ptr<Shim> shim;
  };
  absl::StatusOr<Running> Find(const std::string& container_id) const;

  // Runs `command` in that container by `run`, which takes the request with a plan, or with an OCI process object where
  // that does not work.
  template <typename Request, typename Run>
  std::invoke_result_t<Run, const Request&> Launch(const Running& running, const std::vector<std::string>& command,
                                                   bool terminal, Request request, const Run& run) const {
    absl::StatusOr<std::string> plan = plans_->For(running.found, command, terminal);
    if (plan.ok()) {
      request.plan = *std::move(plan);
      auto result = run(request);
      if (!absl::IsUnimplemented(result.status())) return Count("native", std::move(result));
      request.plan.clear();
    } else if (!absl::IsUnimplemented(plan.status())) {
      return plan.status();
    }
    absl::StatusOr<std::string> process = ProcessOf(running.found, command, terminal);
    if (!process.ok()) return process.status();
    request.process_json = *std::move(process);
    return Count("runtime", run(request));
  }

 private:
  // The OCI process object of `command` in that container.
  absl::StatusOr<std::string> ProcessOf(const PodContainer& found, const std::vector<std::string>& command,
                                        bool terminal) const;
  template <typename Result>
  Result Count(const char* how, Result result) const {
    if (result.ok()) counters_->execs.Of(how).Add();
    return result;
  }

  const Layout layout_;
  const PodTable* const table_;
  const ExecPlans* const plans_;
  SandboxCounters* const counters_;
};

}  // namespace crisp
