// CNI plugins that a dead daemon has left at work. An ADD that goes on while the next daemon runs DEL of the same pod
// can take an address after DEL has given it back, and then nobody ever gives it back.
#pragma once

#include <chrono>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "base/call.h"

namespace crisp {

// Waits until no plugin, nor what it has started (IPAM plugins, iptables), works for one of these containers; those
// that have not ended after `grace` are killed. They are not killed at once: the bridge plugin learns a pod's addresses
// from its link, and a DEL that is broken off when the link has gone leaves rules that no later DEL finds. They are
// known by CNI_CONTAINERID in the environment that they were started with (CNI spec, "Parameters"), which their
// children inherit. For the start of a daemon: plugins of its own would be killed too. Errors: Internal if one does not
// end, DeadlineExceeded or Cancelled with `call`.
absl::Status EndOrphanedPlugins(const std::set<std::string>& container_ids, std::chrono::nanoseconds grace,
                                const Call& call);

}  // namespace crisp
