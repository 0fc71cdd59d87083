// Server: answers the requests of shim/protocol.h and reports exits to the daemon. Owns the containers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "shim/connections.h"
#include "shim/container.h"
#include "shim/sessions.h"
#include "shim/state.h"
#include "shim/upgrade.h"

namespace crisp::shim {

class Server {
 public:
  // `listener` listens on `socket_path`, which the server removes when it leaves. `command` is the shim's command line,
  // for an upgrade.
  Server(Context context, Fd listener, std::string socket_path, std::string pod_id, std::vector<std::string> command);

  void Begin();
  // In place of Begin, for a program that goes on where another was: takes all of it over, and answers the request for
  // the upgrade.
  void Resume(const ShimState& state);
  // For SIGTERM: leaves as soon as no container is alive.
  void LeaveWhenIdle();

 private:
  void Dispatch(const ConnectionRef& from, std::string_view packet, Attached attached);
  void On(const ConnectionRef& from, uint64_t id, const Hello& hello, Attached attached);
  void On(const ConnectionRef& from, uint64_t id, const List& request, Attached attached);
  void On(const ConnectionRef& from, uint64_t id, const Start& request, Attached attached);
  void On(const ConnectionRef& from, uint64_t id, const Kill& request, Attached attached);
  void On(const ConnectionRef& from, uint64_t id, const Delete& request, Attached attached);
  void On(const ConnectionRef& from, uint64_t id, const Exec& request, Attached attached);
  void On(const ConnectionRef& from, uint64_t id, const ExecStream& request, Attached attached);
  void On(const ConnectionRef& from, uint64_t id, const Attach& request, Attached attached);
  void On(const ConnectionRef& from, uint64_t id, const Cancel& request, Attached attached);
  void On(const ConnectionRef& from, uint64_t id, const ReopenLog& request, Attached attached);
  void On(const ConnectionRef& from, uint64_t id, const Upgrade& request, Attached attached);
  void On(const ConnectionRef& from, uint64_t id, const Shutdown& request, Attached attached);
  template <typename Message>
  void Take(const ConnectionRef& from, uint64_t id, std::string_view packet, Attached attached);

  std::shared_ptr<Container> Find(const std::string& id);
  void Forget(const std::shared_ptr<Container>& container);
  std::shared_ptr<Container> Add(const Start& request);
  HelloReply Greeting() const;
  std::string Busy();
  ShimState Save(const ConnectionRef& asked_by, uint64_t request);
  void StartAgain(const ConnectionRef& from, uint64_t id, const std::shared_ptr<Container>& known);
  void OnStartAnswered(const std::shared_ptr<Container>& container, std::optional<Failure> failure);
  void OnExited(Container& container);
  void OnOomKill(const Container& container, uint64_t kills);
  void OnLogLoss(const Container& container, const LogLoss& loss);
  // To the daemon that is connected, if there is one.
  template <typename Event>
  void Send(const Event& event);
  void ContinueShutdown();
  void TakeAway(const std::shared_ptr<Container>& container, const Failure& failure);
  void LeaveIfIdle();
  void Leave();

  struct Starting {
    ConnectionRef client;
    uint64_t request;
    std::shared_ptr<Container> container;
  };
  struct ShutdownAsked {
    ConnectionRef client;
    uint64_t request;
  };

  Context context_;
  Connections connections_;
  Sessions sessions_;
  std::string socket_path_;
  std::string pod_id_;
  std::vector<std::shared_ptr<Container>> containers_;
  std::vector<Starting> starting_;
  std::optional<ShutdownAsked> shutdown_;
  std::optional<Failure> left_;  // of a container that Shutdown could not remove
  bool leaving_ = false;
  Upgrader upgrader_;
};

}  // namespace crisp::shim
