#include "server/call_listener.h"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

// The most connections accepted at once, so that a flood of them does not delay the reactor's other work.
constexpr int kAtOnce = 16;

// Without free descriptors a connection stays in the kernel's queue, which keeps the socket readable.
constexpr std::chrono::milliseconds kPause{100};

bool IsShortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

struct CallListener::State : std::enable_shared_from_this<State> {
  State(Reactor* its_reactor, Fd its_socket, grpc::experimental::ExternalConnectionAcceptor* its_acceptor)
      : reactor(its_reactor), socket(std::move(its_socket)), acceptor(its_acceptor) {}

  absl::Status Watch() {
    const MutexLock lock(mutex);
    if (ended) return absl::OkStatus();
    return reactor->Watch(socket.get(), [this] { Accept(); });
  }

  void Accept() {
    for (int i = 0; i < kAtOnce; ++i) {
      const int client = accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (client < 0 && IsShortage(errno)) return Pause();
      // Errors other than EAGAIN are about one client that has gone already (accept(2)).
      if (client < 0) return;
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
      connection.listener_fd = socket.get();
      connection.fd = client;
      acceptor->HandleNewConnection(&connection);
    }
  }

  void Pause() {
    reactor->Unwatch(socket.get());
    reactor->PostAt(MonoClock::now() + kPause, [weak = weak_from_this()] {
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
