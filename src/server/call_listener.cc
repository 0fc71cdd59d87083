#include "server/call_listener.h"

#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "os/accept.h"

namespace crisp {
struct CallListener::State : std::enable_shared_from_this<State> {
  State(Reactor* its_reactor, Fd its_socket, grpc::experimental::ExternalConnectionAcceptor* its_acceptor)
      : reactor(its_reactor), socket(std::move(its_socket)), acceptor(its_acceptor) {}

  absl::Status Watch() {
    const MutexLock lock(mutex);
    if (ended) return absl::OkStatus();
    return reactor->Watch(socket.get(), [this] { Accept(); });
  }

  void Accept() {
    const Accepted accepted = AcceptClients(socket.get(), [this](Fd client) {
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
      connection.listener_fd = socket.get();
      connection.fd = client.release();
      acceptor->HandleNewConnection(&connection);
    });
    if (accepted == Accepted::kShortage) Pause();
  }

  void Pause() {
    reactor->Unwatch(socket.get());
    reactor->PostAt(MonoClock::now() + kAcceptPause, [weak = weak_from_this()] {
      const std::shared_ptr<State> state = weak.lock();
      if (state == nullptr) return;
      if (const absl::Status watched = state->Watch(); !watched.ok()) {
        LogError("crispd accepts no more clients; restart it", {{"error", watched.message()}});
      }
    });
  }

  void End() {
    {
      const MutexLock lock(mutex);
      ended = true;
    }
    reactor->Unwatch(socket.get());
  }

  Reactor* const reactor;
  const Fd socket;
  grpc::experimental::ExternalConnectionAcceptor* const acceptor;
  Mutex mutex;
  bool ended ABSL_GUARDED_BY(mutex) = false;
};

absl::StatusOr<std::unique_ptr<CallListener>> CallListener::Start(
    Reactor* reactor, Fd socket, grpc::experimental::ExternalConnectionAcceptor* acceptor) {
  auto state = std::make_shared<State>(reactor, std::move(socket), acceptor);
  RETURN_IF_ERROR(state->Watch());
  return std::unique_ptr<CallListener>(new CallListener(std::move(state)));
}

CallListener::~CallListener() {
  state_->End();
}

}  // namespace crisp
