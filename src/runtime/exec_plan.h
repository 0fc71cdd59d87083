// ExecPlanBase: what all native execs of one container have in common: its OCI spec as the exec helper understands it
// (shim/exec_plan.h).
//
// A list of what is understood decides: a spec with anything else is left to the OCI runtime, whose words for it the
// helper may not know. e2e/native_exec_gate_test.cc compares for what is on the list.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/seccomp_filter.h"
#include "shim/exec_plan.h"

namespace crisp {

class ExecPlanBase {
 public:
  // `spec` is the config.json of container `id`. `session_keyring`: the runtime was told to make one (`runc create`
  // without --no-new-keyring). Unimplemented, with the reason, if only the OCI runtime can do it.
  static absl::StatusOr<ExecPlanBase> Make(absl::string_view spec, const std::string& id, bool session_keyring);

  // The plan of a command. InvalidArgument for the command; Unimplemented if it is too long for a plan.
  absl::StatusOr<std::string> For(const std::vector<std::string>& command, bool terminal) const;

 private:
  shim::ExecPlan head_;
  SeccompFilter filter_;
  std::vector<shim::ExecLimit> limits_;
  std::vector<uint32_t> groups_;
  std::string keyring_;
  std::string directory_;
  std::vector<std::string> variables_;
  bool has_term_ = false;

  friend class ExecPlanReader;
};

}  // namespace crisp
