// What this node is and allows, found out once at the start of the daemon.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "runtime/host_facts.h"
#include "sandbox/security_options.h"

namespace crisp {

struct NodeFacts {
  HostFacts host;
  std::string boot_id;  // /proc/sys/kernel/random/boot_id: another one after each reboot
};

// `restrict_oom_score_adj`: no container gets a lower oom_score_adj than the daemon has. Where the facts imposes that
// unasked, for want of CAP_SYS_RESOURCE, it is said once in the log. Loads the default AppArmor profile where the
// kernel has AppArmor and `security` does not forbid it; if that fails, it is said, and no container is confined by it.
absl::StatusOr<NodeFacts> ReadNodeFacts(bool restrict_oom_score_adj, const SecurityOptions& security);

// gethostname(2); "localhost" if there is none.
std::string NodeHostname();

}  // namespace crisp
