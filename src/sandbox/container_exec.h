// ContainerExec: what is done inside a running container or with its output: ExecSync, ReopenContainerLog, and the
// streams of exec and attach.
//
// Threading: all methods from any thread.
// Errors: FailedPrecondition if the container does not run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "base/call_context.h"
#include "runtime/shim.h"
#include "sandbox/pod_table.h"
#include "store/layout.h"

namespace crisp {

class ContainerExec {
 public:
  // `table` must outlive the object.
  ContainerExec(Layout layout, const PodTable* table) : layout_(std::move(layout)), table_(table) {}

  // DeadlineExceeded once the request's timeout has passed; the process and its children are gone then.
  absl::StatusOr<cri::ExecSyncResponse> ExecSync(const cri::ExecSyncRequest& request, const CallContext& call) const;
  absl::Status ReopenLog(const std::string& container_id, const CallContext& call) const;

  // A running container and the shim that keeps it.
  struct Running {
    PodContainer found;
    std::shared_ptr<Shim> shim;
  };
  absl::StatusOr<Running> Find(const std::string& container_id) const;
  // The OCI process object of `command` in that container.
  absl::StatusOr<std::string> ProcessOf(const PodContainer& found, const std::vector<std::string>& command,
                                        bool terminal) const;

 private:
  const Layout layout_;
  const PodTable* const table_;
};

}  // namespace crisp
