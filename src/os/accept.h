// Accepts what waits at a listening socket (accept(2)).
#pragma once

#include <chrono>

#include "absl/functional/function_ref.h"
#include "os/fd.h"

namespace crisp {

enum class Accepted {
  kSome,      // or all, or none: call again when the socket is readable
  kShortage,  // of descriptors or memory. The client stays in the kernel's queue, which keeps the socket readable: call
              // again after kAcceptPause, and do not watch the socket until then
};

constexpr std::chrono::milliseconds kAcceptPause{100};

// Passes the clients of `listener`, a non-blocking socket, to `accept`: non-blocking, closed on exec, and at most 16 of
// them, so that a flood of clients does not delay what else the thread does.
Accepted AcceptClients(int listener, absl::FunctionRef<void(Fd client)> accept);

}  // namespace crisp
