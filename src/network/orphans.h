// CNI plugins that a dead daemon has left at work. An ADD that goes on while the next daemon runs DEL of the same pod
// can take an address after DEL has given it back, and then nobody ever gives it back.
#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"
#include "base/call.h"

namespace crisp {

// Kills every plugin, and what it has started (IPAM plugins, iptables), that works for one of these containers, and
// waits for their end. They are known by CNI_CONTAINERID in the environment that they were started with (CNI spec,
// "Parameters"), which their children inherit. For the start of a daemon: plugins of its own would be killed too.
// Errors: Internal if one does not end, DeadlineExceeded or Cancelled with `call`.
absl::Status EndOrphanedPlugins(const std::set<std::string>& container_ids, const Call& call);

}  // namespace crisp
