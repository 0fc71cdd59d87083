#include "sandbox/pod_runtime.h"

#include <unistd.h>

#include "base/status_macros.h"
#include "sandbox/handlers.h"
#include "sandbox/record.pb.h"

namespace crisp {

absl::StatusOr<OciRuntime> ChooseRuntime(const RuntimeHandlers& handlers, const std::string& handler,
                                         PodRecord* record) {
  ASSIGN_OR_RETURN(OciRuntime runtime, handlers.Find(handler));
  PodRecord::Runtime& chosen = *record->mutable_runtime();
  chosen.set_handler(handlers.NameOf(handler));
  chosen.set_binary(runtime.binary);
  chosen.set_root(runtime.root);
  chosen.set_systemd_cgroup(runtime.systemd_cgroup);
  chosen.set_no_pivot_root(runtime.no_pivot_root);
  chosen.set_no_new_keyring(runtime.no_new_keyring);
  return runtime;
}

absl::StatusOr<OciRuntime> RecordedRuntime(const RuntimeHandlers& handlers, const PodRecord& record) {
  if (!record.has_runtime()) return handlers.Find(record.runtime_handler());
  const PodRecord::Runtime& chosen = record.runtime();
  OciRuntime runtime;
  runtime.binary = chosen.binary();
  runtime.root = chosen.root();
  runtime.systemd_cgroup = chosen.systemd_cgroup();
  runtime.no_pivot_root = chosen.no_pivot_root();
  runtime.no_new_keyring = chosen.no_new_keyring();
  if (access(runtime.binary.c_str(), X_OK) == 0) return runtime;
  ASSIGN_OR_RETURN(const OciRuntime now, handlers.Find(chosen.handler()));
  runtime.binary = now.binary;
  return runtime;
}

std::string HandlerNameOf(const PodRecord& record) {
  return record.has_runtime() ? record.runtime().handler() : record.runtime_handler();
}

}  // namespace crisp
