// TCP connections to the loopback of a network namespace, from outside of it.
//
// A socket belongs to the network namespace of the thread that creates it, wherever it is used later
// (network_namespaces(7)). So a thread enters the namespace, creates the sockets and ends (os/netns.h); the caller
// connects them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "os/fd.h"

namespace crisp {

// Connects to a port of 127.0.0.1 or, if that is refused, of ::1. Never waits: the caller's event loop does.
// Threading: one thread at a time.
class LoopbackDial {
 public:
  // Creates the sockets in the namespace that `netns` pins; empty: in this process's own. Errors: ErrnoStatus, naming
  // the namespace.
  static absl::StatusOr<LoopbackDial> Begin(const std::string& netns, uint16_t port);

  // Goes on as far as possible without waiting. True: connected, call Take. False: call Step again when socket() has
  // become writable. ErrnoStatus with the reasons for both addresses if neither can be connected to.
  absl::StatusOr<bool> Step();
  int socket() const { return connecting_v6_ ? v6_.get() : v4_.get(); }
  // The connection: non-blocking, close-on-exec, with TCP_NODELAY.
  Fd Take() { return std::move(connecting_v6_ ? v6_ : v4_); }

 private:
  explicit LoopbackDial(uint16_t port) : port_(port) {}
  absl::Status MakeSockets();
  int StepSocket();

  uint16_t port_;
  Fd v4_;
  Fd v6_;  // invalid where the kernel has no IPv6
  bool connecting_v6_ = false;
  bool asked_ = false;  // connect has been called
  absl::Status refused_v4_;
};

}  // namespace crisp
