// CNI plugins that still run after their daemon has died. If such an ADD overlaps with the DEL of the next daemon, it
// can allocate an address after DEL has released the pod's, and the address leaks.
#pragma once

#include <chrono>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "base/call_context.h"

namespace crisp {

// Waits until no plugin and no child of a plugin (IPAM plugins, iptables) runs for these containers. After `grace` the
// remaining ones are killed. They are not killed at once: the bridge plugin reads a pod's addresses from its link, so a
// DEL that is killed after the link is gone leaves rules that no later DEL finds. Plugins are recognised by
// CNI_CONTAINERID in their environment (CNI spec, "Parameters"), which their children inherit. Call it only at the
// daemon's start: it would kill the daemon's own plugins too. Errors: Internal if a process does not end,
// DeadlineExceeded or Cancelled with `call`.
absl::Status EndOrphanedPlugins(const std::set<std::string>& container_ids, std::chrono::nanoseconds grace,
                                const CallContext& call);

}  // namespace crisp
