// Entries of the kernel's connection tracking, by ctnetlink (linux/netfilter/nfnetlink_conntrack.h) through libnl.
//
// UDP has no end that the kernel could see: an entry lives for as long as its client sends, and goes on to steer the
// client's packets to the address that it was made with.
//
// Threading: any thread; works in the network namespace of the calling thread. Errors: Internal.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace crisp {

// Deletes the entries of UDP flows to one of `host_ports` that are translated to one of `targets`, IPv4 and IPv6
// addresses as text. Without targets: that are translated to whatever address. Returns how many there were; 0 where
// the kernel tracks no connections. A flow that goes on gets a new entry with its next packet, by the rules of then.
absl::StatusOr<size_t> DeleteUdpFlows(const std::set<uint16_t>& host_ports, const std::vector<std::string>& targets);

}  // namespace crisp
