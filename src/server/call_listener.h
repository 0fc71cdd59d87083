// CallListener: accepts the connections of gRPC clients at one socket and hands them to a gRPC server.
//
// gRPC listens only at sockets that it makes. One that systemd made and keeps (systemd.socket(5)) takes connections
// while no crispd runs, so that clients wait and get no error during an upgrade.
//
// Threading: connections are accepted on the reactor's thread, which starts with the constructor and ends before the
// destructor returns.
#pragma once

#include <grpcpp/server_builder.h>

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "os/fd.h"
#include "os/reactor.h"

namespace crisp {

class CallListener {
 public:
  // `acceptor` belongs to a server that has been started. It and `reactor` must outlive the listener. `socket` listens
  // already.
  static absl::StatusOr<std::unique_ptr<CallListener>> Start(Reactor* reactor, Fd socket,
                                                             grpc::experimental::ExternalConnectionAcceptor* acceptor);
  ~CallListener();
  CallListener(const CallListener&) = delete;
  CallListener& operator=(const CallListener&) = delete;

 private:
  struct State;
  explicit CallListener(std::shared_ptr<State> state) : state_(std::move(state)) {}

  const std::shared_ptr<State> state_;
};

}  // namespace crisp
