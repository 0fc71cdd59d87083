// TCP connections to the loopback of a network namespace, from outside of it.
//
// A socket belongs to the network namespace of the thread that makes it, wherever it is used later
// (network_namespaces(7)): a thread enters the namespace, makes the sockets and ends (os/netns.h); connecting and all
// that follows is the caller's.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "base/call.h"
#include "os/fd.h"

namespace crisp {

// Connects to `port` of 127.0.0.1, else of ::1, in the namespace that `netns` pins; empty: in this process's own. The
// socket is non-blocking, close-on-exec, and sends small writes at once (TCP_NODELAY). Threading: any thread; waits as
// long as `call` allows. Errors: ErrnoStatus with both addresses' reasons; call's own when it is over.
absl::StatusOr<Fd> ConnectToLoopback(const std::string& netns, uint16_t port, const Call& call);

}  // namespace crisp
