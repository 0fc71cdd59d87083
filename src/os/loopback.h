// A TCP connection to the loopback of a network namespace, from outside of it.
//
// A socket belongs to the network namespace of the thread that makes it, wherever it is used later
// (network_namespaces(7)): a thread enters the namespace, makes the sockets and ends (os/netns.h); connecting and all
// that follows is the caller's.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "os/fd.h"

namespace crisp {

// Connects to a port of 127.0.0.1, else of ::1, and never waits: who waits for many connections does it his own way.
// For one thread at a time.
class LoopbackDial {
 public:
  // In the namespace that `netns` pins; empty: in this process's own. Errors: ErrnoStatus, naming the namespace.
  static absl::StatusOr<LoopbackDial> Begin(const std::string& netns, uint16_t port);

  // Goes on as far as it can. True: the connection is there, to be taken. False: to be called again once socket() can
  // be written to. ErrnoStatus with both addresses' reasons if there is none to be had.
  absl::StatusOr<bool> Step();
  int socket() const { return connecting_v6_ ? v6_.get() : v4_.get(); }
  // Non-blocking, close-on-exec, and sends small writes at once (TCP_NODELAY).
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
