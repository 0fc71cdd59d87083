// CriServer: the CRI v1 services, and what cAdvisor asks of containerd (containerd_services.h), on one or two unix
// sockets.
//
// Ownership: the objects handed in must outlive the server. Threading: clients are accepted on the reactor's thread,
// and served by gRPC's synchronous API with a cap on threads; a call beyond the cap is answered ResourceExhausted. The
// calls that answer by a stream share one thread (stream_calls.h).
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "server/server_options.h"

namespace crisp {

class CriServer {
 public:
  // A stale socket at an address is replaced; one that somebody answers is an error.
  static absl::StatusOr<std::unique_ptr<CriServer>> Start(ServerOptions options, const CriBackends& backends);
  // Lets the calls in flight end for a moment, then cancels them.
  ~CriServer();
  CriServer(const CriServer&) = delete;
  CriServer& operator=(const CriServer&) = delete;

  void SetReport(NodeReport report);

  // Asks itself for its Version, as a client would, and waits for the answer until then. True if there is one: also
  // ResourceExhausted is a sign that it works.
  bool Answers(MonoTime until);

 private:
  class Impl;
  explicit CriServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace crisp
